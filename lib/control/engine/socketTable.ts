/** The sockets of connected agents, by the id of their session. */
import type { ServerSocket } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import { PingLatency } from "./pingLatency.ts";

/** After this long a socket is ended whose peer takes no part in closing it. */
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

  /** Returns the id of the session. */
  add(socket: ServerSocket): number {
    const sessionId = ++this.#ids;
    this.#sockets.set(sessionId, socket);
    return sessionId;
  }

  delete(sessionId: number): void {
    this.#sockets.delete(sessionId);
    this.#latencies.delete(sessionId);
  }

  /** False where the peer reads too slowly; what is sent to a session that has ended is dropped. */
  send(sessionId: number, text: () => string): boolean {
    const socket = this.#sockets.get(sessionId);
    return socket === undefined || socket.send(text());
  }

  close(sessionId: number, code: number, reason: string): void {
    this.#sockets.get(sessionId)?.close(code, reason);
  }

  /** Not at once: a peer that does read may still be told why. */
  terminate(sessionId: number): void {
    const socket = this.#sockets.get(sessionId);
    if (socket !== undefined) this.#clock.after(terminateTimeoutMs, () => socket.terminate());
  }

  /** Milliseconds there and back at the latest measurement; asks for another. */
  latencyOf(sessionId: number): number | undefined {
    return this.#latencies.read(sessionId, this.#sockets.get(sessionId));
  }
}
