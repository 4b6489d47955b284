/** The sockets of connected agents, by session id. */
import type { ServerSocket } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { PingLatency } from "./pingLatency.ts";

/** A socket is terminated after this time if the peer does not complete the closing handshake. */
const terminateTimeoutMs = 1_000;
/** What need not be sent at once waits this long for another message, in milliseconds. */
const laterMs = 20;

export class SocketTable {
  readonly #sockets = new Map<number, ServerSocket>();
  readonly #latencies: PingLatency;
  readonly #clock: Clock;
  readonly #onFull: (sessionId: number) => void;
  /** What is sent with the next message of a session. */
  readonly #later = new Map<number, string[]>();
  #isFlushing = false;
  #ids = 0;

  /** @param onFull called if the peer of a session reads too slowly */
  constructor(clock: Clock, onFull: (sessionId: number) => void) {
    this.#clock = clock;
    this.#onFull = onFull;
    this.#latencies = new PingLatency(() => clock.now());
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Adds a socket and returns its session id. */
  add(socket: ServerSocket): number {
    const sessionId = ++this.#ids;
    this.#sockets.set(sessionId, socket);
    return sessionId;
  }

  delete(sessionId: number): void {
    this.#sockets.delete(sessionId);
    this.#later.delete(sessionId);
    this.#latencies.delete(sessionId);
  }

  /** Sends a message. Messages to an ended session are dropped. */
  send(sessionId: number, text: () => string): void {
    const socket = this.#sockets.get(sessionId);
    if (socket === undefined) return;
    const later = this.#later.get(sessionId);
    this.#later.delete(sessionId);
    const isTaken = later === undefined ? socket.send(text()) : socket.sendAll([...later, text()]);
    if (!isTaken) this.#onFull(sessionId);
  }

  /**
   * Sends a message with the next one of the same session, or a moment later: a call of the system
   * costs more than the message.
   */
  sendLater(sessionId: number, text: () => string): void {
    if (!this.#sockets.has(sessionId)) return;
    const later = this.#later.get(sessionId);
    if (later === undefined) this.#later.set(sessionId, [text()]);
    else later.push(text());
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#clock.after(laterMs, () => {
      this.#isFlushing = false;
      for (const each of [...this.#later.keys()]) this.#flush(each);
    });
  }

  #flush(sessionId: number): void {
    const later = this.#later.get(sessionId);
    this.#later.delete(sessionId);
    if (later === undefined || this.#sockets.get(sessionId)?.sendAll(later) !== false) return;
    this.#onFull(sessionId);
  }

  close(sessionId: number, code: number, reason: string): void {
    this.#flush(sessionId);
    this.#sockets.get(sessionId)?.close(code, reason);
  }

  /** Terminates with a delay, so that a peer that still reads receives the close reason. */
  terminate(sessionId: number): void {
    const socket = this.#sockets.get(sessionId);
    if (socket !== undefined) this.#clock.after(terminateTimeoutMs, () => socket.terminate());
  }

  /** Returns the latest round-trip time in milliseconds and starts a new measurement. */
  latencyOf(sessionId: number): number | undefined {
    return this.#latencies.read(sessionId, this.#sockets.get(sessionId));
  }
}
