/**
 * Measures the round-trip time to an agent with WebSocket pings (RFC 6455, section 5.5.2), only
 * while the latency is displayed.
 */
import type { ServerSocket } from "../../runtime/runtime.ts";

/** The minimum interval between two pings on a connection. */
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

  /**
   * Returns the latest round-trip time in milliseconds, if there is one, and starts a new
   * measurement.
   */
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
