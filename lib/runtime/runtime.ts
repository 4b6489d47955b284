/**
 * What differs between runtimes, behind one interface; the two implementations are files of one
 * shape, and `load.ts` chooses between them.
 */
import type { Context, Hono } from "hono";
import type { UpgradeWebSocket, WSContext } from "hono/ws";

/** A WebSocket on the accepting side. */
export interface ServerSocket {
  /** False when the reader is too slow: the message was not taken, and nothing more will be. */
  send(text: string): boolean;
  close(code: number, reason: string): void;
  /** A WebSocket ping; `answered` is called with the next pong, if one comes. */
  ping(answered: () => void): void;
  /** Ends the connection without waiting for the peer. */
  terminate(): void;
}

/** A WebSocket on the dialling side. */
export interface ClientSocket {
  send(text: string): void;
  /** A WebSocket ping: every implementation must answer it, whatever messages it knows. */
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** Called at most once each for `open` and `close`; `close` also ends an attempt that failed. */
export interface ClientSocketEvents {
  open(protocol: string): void;
  /** Undefined for a binary frame. */
  message(text: string | undefined): void;
  pong(): void;
  close(code: number, reason: string): void;
}

export interface ConnectOptions {
  url: string;
  headers: Record<string, string>;
  protocols: string[];
  /** PEM text of the certificate authorities to trust instead of the system's. */
  ca?: string;
  messageBytesMax: number;
}

export interface TlsOptions {
  /** PEM texts. */
  cert: string;
  key: string;
}

export interface ServeOptions {
  app: Hono;
  host: string;
  port: number;
  tls?: TlsOptions;
  /** WebSocket subprotocols this server speaks; the first that the peer offers is chosen. */
  protocols: readonly string[];
  messageBytesMax: number;
  /** No body is larger; the application says for each address how large is too large there. */
  bodyBytesMax: number;
  /** A fault inside a handler of ours: the one connection was closed, the server goes on. */
  onFault(error: unknown): void;
}

export interface Server {
  port: number;
  /** Serves new connections under this certificate; those that are open go on as they are. */
  renew(tls: TlsOptions): void;
  /** Ends connections over which nothing is asked or answered right now. */
  closeIdle(): void;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

/** The bytes of a file from `start` up to, but not including, `end`. */
export interface FilePart {
  path: string;
  start: number;
  end: number;
  /** Once it is aborted the connection is reset: the reader must not take the part for complete. */
  signal: AbortSignal;
  /** Called once when nothing more is read. */
  done(): void;
}

export interface Runtime {
  /** Hono's upgrade helper for this runtime. */
  upgradeWebSocket: UpgradeWebSocket;
  /** The raw socket beneath a context of that helper. */
  serverSocket(context: WSContext<unknown>, sendQueueBytesMax: number): ServerSocket;
  /** A header as it was sent, an empty one included; undefined where there is none. */
  header(c: Context, name: string): string | undefined;
  /** The address a request comes from, as the operating system knows it. */
  remoteAddress(c: Context): string;
  serve(options: ServeOptions): Promise<Server>;
  connect(options: ConnectOptions, events: ClientSocketEvents): ClientSocket;
  /** A `fetch` that trusts the given authorities (PEM text) instead of the system's. */
  fetchWith(ca: string | undefined): typeof fetch;
  /** A part of a file as the body of a response, read no faster than it is sent. */
  fileBody(part: FilePart): Blob | ReadableStream<Uint8Array>;
  /** The words that start this very program, without any arguments. */
  self(): string[];
  /**
   * The one file that this program is, where it is compiled; undefined where it runs from sources.
   */
  program(): string | undefined;
  /** Replaces this process by a fresh one of the same program and arguments; the pid stays. */
  reexec(): never;
}

/** The first subprotocol in the peer's list that this server speaks. */
export function chooseProtocol(
  offered: string | undefined,
  spoken: readonly string[],
): string | undefined {
  return offered
    ?.split(",")
    .map((name) => name.trim())
    .find((name) => spoken.includes(name));
}
