/**
 * How long the rest of a request's output is waited for once the request has ended. What an honest
 * agent still has is a spool's worth, and comes as fast as it is asked for: so only the time counts
 * for which the agent is waited for, and never that for which the reader is.
 */
import {
  outputDrainBytesMax,
  outputDrainBytesPerSecond,
  outputDrainMs,
  outputDrainTotalMs,
} from "../../protocol/limits.ts";

export class OutputDrainTimeout {
  /** Since when it is the agent's turn: of the latest piece, of what asked for more, or the end. */
  #since: number;
  #hasEnded = false;
  /** How long the agent has been waited for in all since the end, and what came of it. */
  #waitedMs = 0;
  #bytes = 0;

  constructor(now: number) {
    this.#since = now;
  }

  /** More was asked for, as the reader has taken all that had been. */
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

  /** The request has ended; said again, it changes nothing. */
  ended(now: number): void {
    if (!this.#hasEnded) this.#since = now;
    this.#hasEnded = true;
  }

  /** More came than a spool can hold. */
  get isTooMuch(): boolean {
    return this.#bytes > outputDrainBytesMax;
  }

  /** It fell silent, or comes too slowly to end within any time. */
  isTooSlow(now: number): boolean {
    const silentMs = now - this.#since;
    const earnedMs = (this.#bytes / outputDrainBytesPerSecond) * 1000;
    return silentMs >= outputDrainMs || this.#waitedMs + silentMs >= outputDrainTotalMs + earnedMs;
  }
}
