/**
 * Deno and Node.js: `node:http` with the `ws` package for server and client. Deno's own server limits
 * neither message sizes nor the time for headers, and its client cannot send pings.
 */
import { createReadStream } from "node:fs";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { createSecureContext, type SecureContext } from "node:tls";
import { serve as serveNode } from "@hono/node-server";
import type { Hono } from "hono";
import type { WSContext } from "hono/ws";
import { WebSocket, WebSocketServer } from "ws";
import { plainReason } from "../network/connectionError.ts";
import type { HttpProxy } from "../network/proxyRules.ts";
import { systemBundle } from "../network/trust.ts";
import { openTcp, openTls } from "../network/tunnel.ts";
import { connectTimeoutMs } from "../protocol/limits.ts";
import { limitPipelining } from "./node/pipelining.ts";
import { answerUpgrades, upgradeWebSocket } from "./node/upgrade.ts";
import { outgoingDial } from "./outgoing.ts";
import type {
  ClientSocket,
  ClientSocketEvents,
  ConnectOptions,
  FilePart,
  NamedTls,
  QueuedSocket,
  Runtime,
  ServeOptions,
  Server,
} from "./runtime.ts";
import { withSubprotocolFallback } from "./subprotocolFallback.ts";

/** A connection without an open WebSocket ends if nothing is sent or received for this long. */
const idleMs = 30_000;

function serverSocket(context: WSContext<unknown>, sendQueueBytesMax: number): QueuedSocket {
  const socket = context.raw as WebSocket;
  let drained: (() => void) | undefined;
  const sent = () => {
    if (drained === undefined || socket.bufferedAmount > 0) return;
    const run = drained;
    drained = undefined;
    run();
  };
  const send = (text: string) => {
    if (socket.bufferedAmount > sendQueueBytesMax) return false;
    socket.send(text, sent);
    return true;
  };
  return {
    send,
    sendAll: (texts) => texts.every(send),
    get queuedBytes() {
      return socket.bufferedAmount;
    },
    whenDrained: (run) => {
      drained = run;
    },
    close: (code, reason) => socket.close(code, reason),
    ping: (answered) => {
      socket.removeAllListeners("pong");
      socket.once("pong", answered);
      socket.ping();
    },
    terminate: () => socket.terminate(),
  };
}

function serve(options: ServeOptions): Promise<Server> {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) =>
      [...offered].find((name) => options.protocols.includes(name)) ?? false,
  });
  return new Promise((resolve, reject) => {
    const server = serveNode(
      {
        fetch: (options.app as Hono).fetch,
        hostname: options.host,
        port: options.port,
        createServer: createLimited(options.tls === undefined ? createServer : createTlsServer),
        serverOptions: {
          ...options.tls,
          ...chooseByName(options.namedTls),
          headersTimeout: 10_000,
          requestTimeout: 0,
          // By default Node.js checks header timeouts every half a minute, and Deno never does.
          connectionsCheckingInterval: 1_000,
        },
      },
      (info) =>
        resolve({
          port: info.port,
          renew: (tls) => (server as TlsServer).setSecureContext(tls),
          closeIdle: () => (server as HttpServer).closeIdleConnections(),
          stop: () => stop(server as HttpServer, sockets),
        }),
    );
    server.on("error", reject);
    (server as HttpServer).setTimeout(idleMs);
    answerUpgrades(server as HttpServer, { sockets, onFault: options.onFault });
  });
}

/** Returns a function of the type that Hono's server calls, for either protocol. */
function createLimited(create: object): typeof createServer {
  const createOf = create as (settings: object, listener: RequestListener) => HttpServer;
  return ((settings: object, listener: RequestListener) =>
    createOf(settings, limitPipelining(listener))) as typeof createServer;
}

/** Node.js takes the server's own certificate if there is none for a name. */
function chooseByName(named: NamedTls | undefined): object {
  if (named === undefined) return {};
  const context = createSecureContext(named);
  return {
    SNICallback: (name: string, done: (error: null, context?: SecureContext) => void) =>
      done(null, name === named.serverName ? context : undefined),
  };
}

/** Deno would read a Blob of a file into memory at once. */
function fileBody({
  context,
  path,
  start,
  end,
  signal,
  done,
}: FilePart): ReadableStream<Uint8Array> {
  const stream = createReadStream(path, { start, end: end - 1, highWaterMark: 256 * 1024 });
  const { outgoing } = context.env as { outgoing: ServerResponse };
  // The reader cancels the stream when its connection is gone. Hono would print an error of it.
  signal.addEventListener("abort", () => outgoing.destroy());
  stream.once("close", done);
  // Node's and the platform's types of web streams are the same under two names.
  return Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>;
}

function stop(server: HttpServer, sockets: WebSocketServer): Promise<void> {
  return new Promise((resolve) => {
    for (const socket of sockets.clients) socket.terminate();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function dial(
  options: ConnectOptions,
  events: ClientSocketEvents,
  proxy: HttpProxy | undefined,
): ClientSocket {
  return proxy === undefined
    ? dialOver(undefined, options, events)
    : dialTunnel(options, events, proxy);
}

/** `ws` takes a connection that is already open, so the tunnel is opened first. */
function dialTunnel(
  options: ConnectOptions,
  events: ClientSocketEvents,
  proxy: HttpProxy,
): ClientSocket {
  const url = new URL(options.url);
  const dial = { proxy, timeoutMs: connectTimeoutMs };
  const opened = url.protocol === "wss:" ? openTls(url, options.trust, dial) : openTcp(url, dial);
  let socket: ClientSocket | undefined;
  let isGivenUp = false;
  const giveUp = (code: number, reason: string) => {
    if (isGivenUp) return;
    isGivenUp = true;
    events.close(code, reason);
  };
  opened.then(
    (tunnel) => {
      if (isGivenUp) tunnel.destroy();
      else socket = dialOver(tunnel, options, events);
    },
    (error) => giveUp(1006, plainReason(error)),
  );
  return {
    send: (frame) => socket?.send(frame),
    ping: () => socket?.ping(),
    close: (code, reason) => (socket ? socket.close(code, reason) : giveUp(code, reason)),
    terminate: () => (socket ? socket.terminate() : giveUp(1006, "given up")),
  };
}

function dialOver(
  tunnel: Socket | undefined,
  options: ConnectOptions,
  events: ClientSocketEvents,
): ClientSocket {
  const { ca = systemBundle(), serverName } = options.trust;
  const socket = new WebSocket(options.url, options.protocols, {
    headers: options.headers,
    perMessageDeflate: false,
    maxPayload: options.messageBytesMax,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(tunnel === undefined ? {} : { createConnection: () => tunnel }),
  });
  let fault = "";
  socket.on("open", () => events.open(socket.protocol));
  socket.on("message", (data, isBinary) => events.message(isBinary ? undefined : data.toString()));
  socket.on("pong", () => events.pong());
  socket.on("error", (error) => {
    fault = error.message;
  });
  socket.on("close", (code, reason) => events.close(code, reason.toString() || fault));
  return {
    send: (frame) => socket.send(frame),
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}

/** What the two runtimes do in the same way. */
export const nodeParts = {
  upgradeWebSocket,
  serverSocket,
  header: (c, name) =>
    (c.env as { incoming: IncomingMessage }).incoming.headers[name] as string | undefined,
  remoteAddress: (c) =>
    (c.env as { incoming: IncomingMessage }).incoming.socket.remoteAddress ?? "",
  remotePort: (c) => (c.env as { incoming: IncomingMessage }).incoming.socket.remotePort,
  serve,
  fileBody,
} satisfies Partial<Runtime>;

/** Opens WebSockets with the `ws` package. */
export function connectWith(fetchWith: Runtime["fetchWith"]): Runtime["connect"] {
  return (options, events) =>
    withSubprotocolFallback(
      outgoingDial(dial, fetchWith),
      options,
      events,
      (reason) => reason === "Server sent no subprotocol",
    );
}
