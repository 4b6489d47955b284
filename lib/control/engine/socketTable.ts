/** The sockets of connected agents, by session id. */
import type { ServerSocket } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { PingLatency } from "./pingLatency.ts";

/** A socket is terminated after this time if the peer does not complete the closing handshake. */
const terminateTimeoutMs = 1_000;

export class SocketTable {
  readonly #sockets = new Map<number, ServerSocket>();
  readonly #latencies: PingLatency;
  readonly #clock: Clock;
  #ids = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
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
    this.#latencies.delete(sessionId);
  }

  /** Returns false if the peer reads too slowly. Messages to an ended session are dropped. */
  send(sessionId: number, text: () => string): boolean {
    const socket = this.#sockets.get(sessionId);
    return socket === undefined || socket.send(text());
  }

  close(sessionId: number, code: number, reason: string): void {
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
