/**
 * Bounds the wait for the rest of a request's output after the request has ended. The agent's spool
 * holds a limited amount and sends it as fast as it is requested, so only the time spent waiting
 * for the agent counts, not the time spent waiting for the reader.
 */
import {
  outputDrainBytesMax,
  outputDrainBytesPerSecond,
  outputDrainMs,
  outputDrainTotalMs,
} from "../../protocol/limits.ts";

export class OutputDrainTimeout {
  /** When the current wait for the agent started: the latest chunk, request for more, or end. */
  #since: number;
  #hasEnded = false;
  /** The total time spent waiting for the agent since the end. */
  #waitedMs = 0;
  #bytes = 0;

  constructor(now: number) {
    this.#since = now;
  }

  /** More output was requested, because the reader has read everything. */
  requested(now: number): void {
    this.#since = now;
  }

  received(bytes: number, now: number): void {
    if (this.#hasEnded) {
      this.#waitedMs += now - this.#since;
      this.#bytes += bytes;
    }
    this.#since = now;
  }

  /** The request has ended; further calls have no effect. */
  ended(now: number): void {
    if (!this.#hasEnded) this.#since = now;
    this.#hasEnded = true;
  }

  /** Whether more output arrived than a spool can hold. */
  get isTooMuch(): boolean {
    return this.#bytes > outputDrainBytesMax;
  }

  /** Whether the agent is silent, or too slow to ever finish. */
  isTooSlow(now: number): boolean {
    const silentMs = now - this.#since;
    const earnedMs = (this.#bytes / outputDrainBytesPerSecond) * 1000;
    return silentMs >= outputDrainMs || this.#waitedMs + silentMs >= outputDrainTotalMs + earnedMs;
  }
}
