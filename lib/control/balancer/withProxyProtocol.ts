/**
 * A runtime whose servers read the PROXY protocol: a TCP listener takes the header of each
 * connection, and passes the rest on to the server, which listens on loopback. The port of that
 * second connection tells whose it is.
 */
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import type { Context } from "hono";
import type { Log } from "../../log/log.ts";
import { rateLimitedLog } from "../../log/rateLimitedLog.ts";
import { AddressRanges, plainAddress } from "../../protocol/addressRange.ts";
import { errorText } from "../../protocol/errors.ts";
import type { Runtime, ServeOptions, Server } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { parseProxyHeader } from "./proxyHeader.ts";

export interface ProxyProtocolOptions {
  /** Addresses and ranges of the balancers. Their connections must begin with a header. */
  balancers: readonly string[];
  clock: Clock;
  log: Log;
}

const loopback = "127.0.0.1";
/** A balancer sends the header at once. */
const headerMs = 10_000;
/** The server closes a silent WebSocket after 16 minutes, and other connections earlier. */
const idleMs = 20 * 60_000;
/** How long a client may keep its side open after the server has ended. */
const lingerMs = 5_000;

/** Returns the runtime with servers that read the PROXY protocol. */
export function withProxyProtocol(runtime: Runtime, options: ProxyProtocolOptions): Runtime {
  const clients = new Map<number, string>();
  /** What was found for a request stays, also when its connection has been closed. */
  const found = new WeakMap<object, string>();
  return {
    ...runtime,
    remoteAddress: (c: Context) => {
      const known = found.get(c.env);
      if (known !== undefined) return known;
      const port = runtime.remotePort(c);
      const address = (port === undefined ? undefined : clients.get(port)) ?? "";
      found.set(c.env, address);
      return address;
    },
    serve: (settings) => serveBehind(runtime, settings, clients, options),
  };
}

async function serveBehind(
  runtime: Runtime,
  settings: ServeOptions,
  clients: Map<number, string>,
  options: ProxyProtocolOptions,
): Promise<Server> {
  const log = rateLimitedLog(options.log, options.clock);
  const balancers = new AddressRanges(options.balancers);
  const open = new Set<Socket>();
  const server = await runtime.serve({ ...settings, host: loopback, port: 0 });
  const front = createServer({ allowHalfOpen: true, noDelay: true }, (outer) => {
    open.add(outer);
    outer.once("close", () => open.delete(outer));
    const peer = plainAddress(outer.remoteAddress ?? "");
    const refuse = (reason: string) => {
      log.warn("connection refused", { address: peer, reason });
      outer.destroy();
    };
    outer.on("error", () => outer.destroy());
    const pass = (client: string, first: Buffer) => {
      let isJoined = false;
      outer.setTimeout(idleMs, () => outer.destroy());
      const inner = connect({
        host: loopback,
        port: server.port,
        allowHalfOpen: true,
        noDelay: true,
      });
      inner.on("error", (error) => {
        if (!isJoined) refuse(`cannot connect to the server: ${errorText(error)}`);
      });
      inner.once("connect", () => {
        isJoined = true;
        join(outer, inner, { client, first, clients });
      });
      // Everything was sent, and the client may not end its own side.
      outer.once("finish", () => setTimeout(() => outer.destroy(), lingerMs).unref());
      inner.once("close", () => outer.destroy());
      outer.once("close", () => inner.destroy());
    };
    if (!balancers.has(peer)) return pass(peer, Buffer.alloc(0));
    readHeader(outer, { peer, pass, refuse });
  });
  const port = await listening(front, settings, log).catch(async (error) => {
    await server.stop();
    throw error;
  });
  return {
    ...server,
    port,
    stop: async () => {
      front.close();
      await server.stop();
      for (const socket of open) socket.destroy();
    },
  };
}

function listening(front: NetServer, { host, port }: ServeOptions, log: Log): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    front.on("error", (error) => {
      if (!front.listening) reject(error);
      else log.error("connection not accepted", { reason: errorText(error) });
    });
    front.listen({ host, port }, () => {
      const address = front.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

interface HeaderReading {
  peer: string;
  pass(client: string, first: Buffer): void;
  refuse(reason: string): void;
}

/** Reads the header of a balancer. Without one, only clients on this host may go on. */
function readHeader(outer: Socket, { peer, pass, refuse }: HeaderReading): void {
  let bytes = Buffer.alloc(0);
  const limit = setTimeout(() => refuse(`no PROXY header within ${headerMs / 1000} s`), headerMs);
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.state === "incomplete") return;
    settle();
    if (header.state === "complete") {
      return pass(header.client ?? peer, bytes.subarray(header.length));
    }
    if (header.state === "invalid") return refuse(`invalid PROXY header: ${header.reason}`);
    if (isLoopback(peer)) return pass(peer, bytes);
    refuse("no PROXY header: configure the balancer to send it, or remove it from --trusted-proxy");
  };
  const settle = () => {
    clearTimeout(limit);
    outer.pause();
    outer.off("data", onData);
    outer.off("close", settle);
  };
  outer.on("data", onData);
  outer.once("close", settle);
}

interface Joined {
  client: string;
  /** What the client has sent already. */
  first: Buffer;
  clients: Map<number, string>;
}

function join(outer: Socket, inner: Socket, { client, first, clients }: Joined): void {
  const port = inner.localPort ?? 0;
  clients.set(port, client);
  // A port is used again only after its connection has been closed.
  inner.once("close", () => clients.delete(port));
  if (first.length > 0) inner.write(first);
  outer.pipe(inner);
  inner.pipe(outer);
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
