/** Bun: its own server and WebSocket. Imported only by `load.ts`, and only under Bun. */

import { dlopen } from "bun:ffi";
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { defineWebSocketHelper, WSContext, type WSEvents } from "hono/ws";
import { connect, fetchWith } from "./bunClient.ts";
import { fileBody } from "./bunFileBody.ts";
import { libc } from "./bunLibc.ts";
import { spawnPiped } from "./bunPipes.ts";
import { lockExclusiveNow, openLibc } from "./libc.ts";
import type { QueuedSocket, Runtime, ServeOptions, Server, TlsOptions } from "./runtime.ts";
import { chooseProtocol } from "./runtime.ts";
import { lockPath, openGroup, startInPlace } from "./windowsProcess.ts";

/** One context per connection; Hono's own adapter creates one per event. */
interface Connection {
  events: WSEvents<unknown>;
  protocol: string;
  context?: WSContext<unknown>;
  /** Called with the next pong. */
  answered?: (() => void) | undefined;
  /** Called when the peer has taken what was queued. */
  drained?: (() => void) | undefined;
}
type Socket = Bun.ServerWebSocket<Connection>;
type BunServer = Bun.Server<Connection>;

const upgradeWebSocket = defineWebSocketHelper((c, events) => {
  const { server, protocols } = c.env as { server: BunServer; protocols: readonly string[] };
  const protocol = chooseProtocol(c.req.header("sec-websocket-protocol"), protocols);
  const upgraded = server.upgrade(c.req.raw, {
    data: { events, protocol: protocol ?? "" },
    // Bun chooses the first protocol that the client offers, unless the header is set. An empty one
    // is not sent: none is chosen (RFC 6455, section 4.2.2).
    headers: { "Sec-WebSocket-Protocol": protocol ?? "" },
  });
  return upgraded ? new Response(null) : undefined;
});

function createContext(socket: Socket): WSContext<unknown> {
  const connection = socket.data;
  connection.context ??= new WSContext<unknown>(new ContextOf(socket));
  return connection.context;
}

/**
 * The fields of Hono's context of a connection. A class takes less memory, since there is one per
 * agent.
 */
class ContextOf {
  readonly raw: Socket;
  readonly readyState = 1;

  constructor(socket: Socket) {
    this.raw = socket;
  }

  get protocol(): string {
    return this.raw.data.protocol;
  }

  send(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void {
    this.raw.send(data);
  }

  close(code?: number, reason?: string): void {
    this.raw.close(code, reason);
  }
}

class BunServerSocket implements QueuedSocket {
  readonly #socket: Socket;
  readonly #sendQueueBytesMax: number;

  constructor(socket: Socket, sendQueueBytesMax: number) {
    this.#socket = socket;
    this.#sendQueueBytesMax = sendQueueBytesMax;
  }

  send(text: string): boolean {
    if (this.#socket.getBufferedAmount() > this.#sendQueueBytesMax) return false;
    // -1 means queued, 0 means dropped. Bun drops messages above its own limit without an error.
    return this.#socket.send(text) !== 0;
  }

  sendAll(texts: readonly string[]): boolean {
    let isTaken = true;
    this.#socket.cork(() => {
      isTaken = texts.every((text) => this.send(text));
    });
    return isTaken;
  }

  get queuedBytes(): number {
    return this.#socket.getBufferedAmount();
  }

  whenDrained(drained: () => void): void {
    this.#socket.data.drained = drained;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  ping(answered: () => void): void {
    this.#socket.data.answered = answered;
    this.#socket.ping();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

async function serve(options: ServeOptions): Promise<Server> {
  /** An exception in a WebSocket handler would end the process. */
  const guarded = (socket: Socket, run: () => void) => {
    try {
      run();
    } catch (error) {
      options.onFault(error);
      socket.close(1011, "internal error");
    }
  };
  const listen = (port: number, tls: TlsOptions | undefined): BunServer =>
    Bun.serve<Connection>({
      hostname: options.host,
      port,
      idleTimeout: 30,
      // Bodies are read with back-pressure: an unread body stays at its sender.
      maxRequestBodySize: options.bodyBytesMax,
      // Bun cannot change a server's certificate: another server takes over the port.
      ...(tls === undefined ? {} : { tls: withNamed(tls, options), reusePort: true }),
      fetch: (request, self) =>
        options.app.fetch(request, { server: self, protocols: options.protocols }),
      error(error) {
        options.onFault(error);
        return new Response("internal error", { status: 500 });
      },
      websocket: {
        maxPayloadLength: options.messageBytesMax,
        // Larger than the send queue limit of wsctl, so that `send` never drops a message silently.
        backpressureLimit: 64 * 1024 * 1024,
        idleTimeout: 960,
        sendPings: false,
        perMessageDeflate: false,
        open: (socket) =>
          guarded(socket, () =>
            socket.data.events.onOpen?.(new Event("open"), createContext(socket)),
          ),
        message: (socket, data) =>
          guarded(socket, () =>
            socket.data.events.onMessage?.(
              // The handlers read nothing else, and an event takes longer to make than to handle.
              { data: typeof data === "string" ? data : data.buffer } as MessageEvent,
              createContext(socket),
            ),
          ),
        pong: (socket) => {
          socket.data.answered?.();
          socket.data.answered = undefined;
        },
        drain: (socket) => {
          const { drained } = socket.data;
          socket.data.drained = undefined;
          guarded(socket, () => drained?.());
        },
        close: (socket, code, reason) =>
          guarded(socket, () =>
            socket.data.events.onClose?.(
              new CloseEvent("close", { code, reason }),
              createContext(socket),
            ),
          ),
      },
    });
  // The binary starts with settings for short commands, see `scripts/build.ts`.
  Bun.unsafe.setJITPolicy(1);
  if (options.tls !== undefined) await assertPortFree(options);
  const first = listen(options.port, options.tls);
  const port = first.port ?? options.port;
  const servers = new Set([first]);
  return {
    port,
    renew(tls) {
      const older = [...servers];
      servers.add(listen(port, tls));
      // Not forced: it stops listening, and finishes when its last connection has ended.
      for (const server of older) void server.stop().then(() => servers.delete(server));
    },
    closeIdle: () => {
      for (const server of servers) server.closeIdleConnections();
    },
    stop: async () => void (await Promise.all([...servers].map((server) => server.stop(true)))),
  };
}

/** Bun takes the first certificate for names that no other one has. */
function withNamed(tls: TlsOptions, { namedTls }: ServeOptions): TlsOptions | TlsOptions[] {
  return namedTls === undefined ? tls : [tls, namedTls];
}

/** Because of `reusePort`, another program could listen on the same port unnoticed. */
async function assertPortFree({ host, port }: ServeOptions): Promise<void> {
  if (port === 0) return;
  const socket = { data() {} };
  Bun.listen({ hostname: host, port, exclusive: true, socket }).stop(true);
}

/** The place of a compiled program's own files, which exists in no file system. */
const embedded = /^(?:\/\$bunfs|[A-Z]:[\\/]~BUN)[\\/]/;

function program(): string | undefined {
  return embedded.test(process.argv[1] ?? "") ? process.execPath : undefined;
}

/** The path as it was called, so that a changed symbolic link to a release takes effect. */
const calledFile = fileOfCall(process.argv0) ?? process.execPath;

/** Returns undefined if the path leads to another program. */
function fileOfCall(word: string): string | undefined {
  try {
    const path = word.includes("/") ? resolve(word) : Bun.which(word);
    return path !== null && realpathSync(path) === realpathSync(process.execPath)
      ? path
      : undefined;
  } catch {
    return undefined;
  }
}

const noHang = 1;

function reap(pid: number): void {
  libc().waitpid(pid, null, noHang);
}

function self(): string[] {
  if (program() !== undefined) return [calledFile];
  return [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
}

function reexec(): number {
  const [file = "", ...own] = self();
  const args = [file, ...own, ...process.argv.slice(2)];
  if (process.platform === "win32") return startInPlace(args);
  // The types are those of Node.js 20; `execve` exists since Node.js 22.15 and in Bun.
  const { execve } = process as unknown as {
    execve(file: string, args: string[], env: NodeJS.ProcessEnv): never;
  };
  return execve.call(process, file, args, process.env);
}

function tryLock(fd: number, path: string): boolean {
  if (process.platform === "win32") return lockPath(path);
  const signature = { flock: { args: ["i32", "i32"], returns: "i32" } } as const;
  const { symbols } = openLibc((name) => dlopen(name, signature));
  return symbols.flock(fd, lockExclusiveNow) === 0;
}

/** The peer is kept, because it cannot be asked for after the connection has been closed. */
function findPeer(c: Parameters<Runtime["remoteAddress"]>[0]) {
  const env = c.env as { server: BunServer; peer?: ReturnType<BunServer["requestIP"]> };
  env.peer ??= env.server.requestIP(c.req.raw);
  return env.peer ?? undefined;
}

export const runtime: Runtime = {
  upgradeWebSocket,
  serverSocket: (context, sendQueueBytesMax) =>
    new BunServerSocket(context.raw as Socket, sendQueueBytesMax),
  header: (c, name) => c.req.raw.headers.get(name) ?? undefined,
  remoteAddress: (c) => findPeer(c)?.address ?? "",
  remotePort: (c) => findPeer(c)?.port,
  serve,
  connect,
  fetchWith,
  fileBody,
  spawnPiped,
  ...(process.platform === "win32" ? { openGroup } : {}),
  reap,
  self,
  program,
  tryLock,
  reexec,
};
