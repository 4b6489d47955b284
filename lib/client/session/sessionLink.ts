/**
 * The connection of a session. It opens again after an interruption, and notices a control plane
 * that is silent.
 */
import { errorCodes, WsctlError } from "../../protocol/errors.ts";
import { sessionPingMs, sessionSilenceMs } from "../../protocol/sessionLimits.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import { clientSubprotocol } from "../../protocol/wire/version.ts";
import type { ClientSocket, ClientSocketEvents } from "../../runtime/runtime.ts";
import { withRetry } from "../retry.ts";
import type { Transport } from "../transport.ts";

/** Results of a fleet are large, and the control plane is trusted. */
const messageBytesMax = 64 * 1024 * 1024;

const path = "/api/v1/session";

/**
 * Passes while another control plane takes over, or until the old connection is noticed to be gone.
 * Opening a session changes nothing, so that it may be repeated.
 */
function passAsUnreachable(error: unknown): never {
  const isPassing = error instanceof WsctlError && /^(UNAVAILABLE|BUSY)$/.test(error.code);
  throw isPassing ? new WsctlError("UNREACHABLE", error.message, { cause: error }) : error;
}

export interface LinkEvents {
  /** The connection is open, for the first time or again. */
  opened(): void;
  message(text: string): void;
  /** The session cannot go on. */
  failed(error: unknown): void;
}

export class SessionLink {
  readonly #http: Transport;
  readonly #events: LinkEvents;
  readonly #ended = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;
  #socket: ClientSocket | undefined;
  #heardAt = 0;

  constructor(http: Transport, events: LinkEvents) {
    this.#http = http;
    this.#events = events;
    this.#heartbeat = setInterval(() => this.#check(), sessionPingMs);
  }

  /** @throws {WsctlError} the code of the control plane, or UNREACHABLE */
  async open(): Promise<void> {
    try {
      await this.#dial();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends a message, unless the connection is interrupted: what is open is sent again then. */
  send(text: string): void {
    this.#socket?.send(text);
  }

  /** Ends the connection. Calls may be repeated. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#ended.abort();
    this.#socket?.close(closeCodes.normal.code, "");
    this.#socket = undefined;
  }

  async #dial(): Promise<void> {
    const opened = Promise.withResolvers<{ reason: string } | undefined>();
    let isOpen = false;
    const events: ClientSocketEvents = {
      open: () => {
        isOpen = true;
        opened.resolve(undefined);
      },
      message: (text) => {
        this.#heardAt = performance.now();
        if (text !== undefined) this.#events.message(text);
      },
      pong: () => {
        this.#heardAt = performance.now();
      },
      close: (code, reason) => {
        if (isOpen) return this.#lost(socket, code);
        opened.resolve({ reason });
      },
    };
    const socket = await this.#http.connect(
      { path, protocols: [clientSubprotocol], messageBytesMax },
      events,
    );
    const failure = await opened.promise;
    if (failure !== undefined) throw await this.#explain(failure.reason);
    if (this.#ended.signal.aborted) return socket.close(closeCodes.normal.code, "");
    this.#socket = socket;
    this.#heardAt = performance.now();
    this.#events.opened();
  }

  /** A refused upgrade tells at most its status, so the same request is sent without it. */
  async #explain(reason: string): Promise<unknown> {
    const error = this.#http.unreachable(new Error(reason));
    try {
      await this.#http.fetch(path, {});
    } catch (refusal) {
      const isPlain = refusal instanceof WsctlError && refusal.code === "MALFORMED";
      if (!isPlain) return refusal;
      const text = `Cannot open a session: the WebSocket handshake failed (${reason})`;
      const advice = "Check that every proxy in between passes upgrades on";
      return new WsctlError("UNREACHABLE", `${text}. ${advice}`, { cause: refusal });
    }
    return error;
  }

  #lost(socket: ClientSocket, code: number): void {
    if (this.#ended.signal.aborted || socket !== this.#socket) return;
    this.#socket = undefined;
    if (code === closeCodes.unauthorized.code) {
      return this.#fail(new WsctlError("UNAUTHORIZED", errorCodes.UNAUTHORIZED.meaning));
    }
    const { signal } = this.#ended;
    withRetry(
      signal,
      () => true,
      () => this.#dial().catch(passAsUnreachable),
    ).catch((error) => {
      if (!signal.aborted) this.#fail(error);
    });
  }

  #fail(error: unknown): void {
    this.close();
    this.#events.failed(error);
  }

  #check(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (performance.now() - this.#heardAt < sessionSilenceMs) return socket.ping();
    socket.terminate();
    // A dead connection may not say that it has ended.
    this.#lost(socket, closeCodes.silent.code);
  }
}
