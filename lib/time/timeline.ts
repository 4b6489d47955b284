/**
 * The time of a state machine that keeps times which people see. It follows the system's clock, but
 * changes its pace only where its owner asks: when the clock was set, the owner first moves
 * everything that waits for a duration.
 */
import type { Clock } from "./clock.ts";

/** A smaller difference is drift. */
const stepMsMin = 1_000;

export class Timeline {
  readonly #clock: Pick<Clock, "now" | "wall">;
  /** By how much this timeline is ahead of the steady clock. */
  #aheadMs: number;

  constructor(clock: Pick<Clock, "now" | "wall">) {
    this.#clock = clock;
    this.#aheadMs = Math.round(clock.wall() - clock.now());
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  /** Returns by how many milliseconds the system's clock was set since the last call; 0 if not. */
  follow(): number {
    const byMs = Math.round(this.#clock.wall() - this.now());
    if (Math.abs(byMs) < stepMsMin) return 0;
    this.#aheadMs += byMs;
    return byMs;
  }

  /** Returns the time on the steady clock, which timers use. */
  toSteady(at: number | undefined): number | undefined {
    return at === undefined ? undefined : at - this.#aheadMs;
  }
}
