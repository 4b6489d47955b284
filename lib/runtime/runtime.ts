/**
 * The interface to the differences between runtimes. Three files of the same shape implement it;
 * `load.ts` chooses one.
 */
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import type { Context, Hono } from "hono";
import type { UpgradeWebSocket, WSContext } from "hono/ws";
import type { Trust } from "../network/trust.ts";

/** A WebSocket of the server. */
export interface ServerSocket {
  /**
   * Returns false if the reader is too slow: the message was dropped, and later ones will be too.
   */
  send(text: string): boolean;
  /** Sends messages with few calls of the system. Returns false as `send` does. */
  sendAll(texts: readonly string[]): boolean;
  close(code: number, reason: string): void;
  /** Sends a WebSocket ping; `answered` is called with the next pong. */
  ping(answered: () => void): void;
  /** Closes the connection without waiting for the peer. */
  terminate(): void;
}

/** A WebSocket of the server whose writer waits for its reader. */
export interface QueuedSocket extends ServerSocket {
  /** Bytes that the peer has not taken yet. */
  readonly queuedBytes: number;
  /** Calls `drained` once when the peer has taken what was queued; a later call replaces it. */
  whenDrained(drained: () => void): void;
}

/** A WebSocket of the client. */
export interface ClientSocket {
  /** Sends a text as a text frame, and bytes as a binary frame. */
  send(frame: string | Uint8Array): void;
  /** Sends a WebSocket ping, which every implementation must answer (RFC 6455, section 5.5.2). */
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** `open` and `close` are called at most once; `close` also ends a failed attempt. */
export interface ClientSocketEvents {
  open(protocol: string): void;
  /** Undefined for a binary frame. */
  message(text: string | undefined): void;
  pong(): void;
  /** `refusal` is there if the server refused the upgrade. */
  close(code: number, reason: string, refusal?: RefusedUpgrade): void;
}

/** The response of a server that did not accept a WebSocket upgrade. */
export interface RefusedUpgrade {
  status: number;
  /**
   * The text of the response, shortened, if the server also refuses a request without credentials
   * with this status.
   */
  body?: string;
}

export interface ConnectOptions {
  url: string;
  headers: Record<string, string>;
  protocols: string[];
  trust: Trust;
  messageBytesMax: number;
}

export interface TlsOptions {
  /** PEM text. */
  cert: string;
  key: string;
}

/** A certificate for connections that ask for this server name (SNI). */
export interface NamedTls extends TlsOptions {
  serverName: string;
}

export interface ServeOptions {
  app: Hono;
  host: string;
  port: number;
  tls?: TlsOptions;
  /** Only with `tls`. */
  namedTls?: NamedTls;
  /** The WebSocket subprotocols of this server; the first one that the peer offers is chosen. */
  protocols: readonly string[];
  messageBytesMax: number;
  /** The limit for all bodies; the application sets lower limits per route. */
  bodyBytesMax: number;
  /** Reports an error in a handler. Only the affected connection was closed. */
  onFault(error: unknown): void;
}

export interface Server {
  port: number;
  /** Uses this certificate for new connections; open ones are not affected. */
  renew(tls: TlsOptions): void;
  /** Closes connections without a request in progress. */
  closeIdle(): void;
  /** Stops listening and closes every connection. */
  stop(): Promise<void>;
}

/** The bytes of a file from `start` up to, but not including, `end`. */
export interface FilePart {
  /** The request that the body answers. */
  context: Context;
  path: string;
  start: number;
  end: number;
  /**
   * When it is aborted, the connection is reset, so that the reader does not take the part for
   * complete.
   */
  signal: AbortSignal;
  /** Called once when reading has ended. */
  done(): void;
}

export interface PipedSpawnOptions {
  cwd: string;
  env: Record<string, string>;
  /** What the program reads from its standard input. */
  stdin: string;
  /** The user id of the program, if it is another one. */
  pipeOwner?: number | undefined;
}

/** A program whose standard streams are pipes. A stream closes when no process can write to it. */
export interface PipedProcess {
  child: ChildProcess;
  stdout: Readable;
  stderr: Readable;
}

export interface Runtime {
  /** Hono's upgrade helper for this runtime. */
  upgradeWebSocket: UpgradeWebSocket;
  /** Returns the raw socket of a context of that helper. */
  serverSocket(context: WSContext<unknown>, sendQueueBytesMax: number): QueuedSocket;
  /** Returns a header as it was sent, even if it is empty; undefined if it is absent. */
  header(c: Context, name: string): string | undefined;
  /** Returns the IP address of the connection's peer: the client, or a reverse proxy. */
  remoteAddress(c: Context): string;
  /** Returns the port of the peer; undefined if its connection has been closed. */
  remotePort(c: Context): number | undefined;
  serve(options: ServeOptions): Promise<Server>;
  connect(options: ConnectOptions, events: ClientSocketEvents): ClientSocket;
  /** Returns a `fetch` that trusts these certificates, and goes through proxies. */
  fetchWith(trust: Trust): typeof fetch;
  /** Returns a part of a file as a response body, with back-pressure. */
  fileBody(part: FilePart): Blob | ReadableStream<Uint8Array>;
  /**
   * Starts a program with pipes, in a session of its own.
   * @throws The error of the operating system; some arrive as an `error` event of the child.
   */
  spawnPiped(file: string, args: readonly string[], options: PipedSpawnOptions): PipedProcess;
  /**
   * Opens a group in which every process that this one starts from now on stays, and returns a
   * function that lists the others. Undefined where the operating system has process groups.
   */
  openGroup?(): () => number[];
  /** Collects an ended child that this process did not start, as far as the platform can. */
  reap(pid: number): void;
  /** Returns the command that starts this program, without arguments. */
  self(): string[];
  /** Returns the path of the compiled executable; undefined if the program runs from sources. */
  program(): string | undefined;
  /**
   * Locks an open file for this process until the file is closed (flock(2)). Returns false if
   * another process has locked it.
   */
  tryLock(fd: number, path: string): boolean;
  /**
   * Replaces this process by a new one of the same program and arguments; the process id stays
   * (execve(2)). Where the system has no such call, it waits for the new process, and returns the
   * status with which this one must end.
   */
  reexec(): number;
}

/** Returns the first subprotocol in the peer's list that this server supports. */
export function chooseProtocol(
  offered: string | undefined,
  spoken: readonly string[],
): string | undefined {
  return offered
    ?.split(",")
    .map((name) => name.trim())
    .find((name) => spoken.includes(name));
}
