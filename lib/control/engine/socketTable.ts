/** The sockets of connected agents, by session id. */
import type { ServerSocket } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { PingLatency } from "./pingLatency.ts";

/** A socket is terminated after this time if the peer does not complete the closing handshake. */
const terminateTimeoutMs = 1_000;
/** What need not be sent at once waits this long for another message, in milliseconds. */
const laterMs = 20;
/** This many sessions, or this share of all, get what waits for them in one turn of the event loop. */
const sessionsAtOnce = 4;
const sessionShare = 1 / 16;

export class SocketTable {
  readonly #sockets = new Map<number, ServerSocket>();
  readonly #latencies: PingLatency;
  readonly #clock: Clock;
  readonly #onFull: (sessionId: number) => void;
  /** What is sent with the next message of a session. */
  readonly #later = new Map<number, string[]>();
  #willFlush = false;
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
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#willFlush || this.#later.size === 0) return;
    this.#willFlush = true;
    this.#clock.after(laterMs, () => {
      const sessionIds = [...this.#later.keys()];
      const atOnce = Math.max(sessionsAtOnce, Math.ceil(sessionIds.length * sessionShare));
      this.#flushEach(sessionIds, 0, atOnce);
    });
  }

  /** A few sessions in each turn: what arrives meanwhile does not wait for all of them. */
  #flushEach(sessionIds: readonly number[], from: number, atOnce: number): void {
    const next = from + atOnce;
    for (const sessionId of sessionIds.slice(from, next)) this.#flush(sessionId);
    if (next < sessionIds.length) {
      return this.#clock.defer(() => this.#flushEach(sessionIds, next, atOnce));
    }
    this.#willFlush = false;
    this.#scheduleFlush();
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
