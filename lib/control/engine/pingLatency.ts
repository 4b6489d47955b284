/**
 * How long the way to an agent and back is: measured by a WebSocket ping, which every peer must
 * answer, and only while somebody looks.
 */
import type { ServerSocket } from "../../runtime/runtime.ts";

/** A connection is not asked more often than this. */
const pingIntervalMs = 2_000;

interface MeasuredLatency {
  askedAt: number;
  latencyMs?: number;
}

export class PingLatency {
  readonly #now: () => number;
  readonly #bySession = new Map<number, MeasuredLatency>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The latest measure in milliseconds, if there is one; asks for another. */
  read(sessionId: number, socket: ServerSocket | undefined): number | undefined {
    const known = this.#bySession.get(sessionId);
    if (socket === undefined) return known?.latencyMs;
    const now = this.#now();
    if (known !== undefined && now - known.askedAt < pingIntervalMs) return known.latencyMs;
    const measured: MeasuredLatency = { ...known, askedAt: now };
    this.#bySession.set(sessionId, measured);
    socket.ping(() => {
      measured.latencyMs = Math.round((this.#now() - now) * 10) / 10;
    });
    return known?.latencyMs;
  }

  delete(sessionId: number): void {
    this.#bySession.delete(sessionId);
  }
}
