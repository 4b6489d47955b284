/** The system clock of the control plane's machine, and what its times can be held against. */
import { minuteMs } from "./plan.ts";

/** A time may be this much older than its outcome: as long as a process may stand still. */
const oldMostMs = 5 * minuteMs;

export class ControlClock {
  /** By how much it is ahead of the world's time. */
  aheadMs = 0;
  /** Whether a process has read times that are of an earlier clock. */
  hasJumped = false;
  /** Whether it was ever set while a process ran. */
  wasSet = false;
  #changedAt = Number.NEGATIVE_INFINITY;

  /** It is set while no process runs. */
  jump(byMs: number, now: number): void {
    this.aheadMs += byMs;
    this.#changedAt = now;
    this.hasJumped = true;
  }

  /** It is set, and the process runs on. */
  set(byMs: number, now: number): void {
    this.aheadMs += byMs;
    this.#changedAt = now;
    this.wasSet = true;
  }

  /** A process starts: what is stored has the clock of before. */
  processStarts(): void {
    if (this.wasSet) this.hasJumped = true;
  }

  /** Whether a time that a process stores now can be one of this clock. */
  isOwn(time: number, now: number): boolean {
    // It may be from just before the clock was set.
    if (now - this.#changedAt < oldMostMs) return true;
    return Math.abs(time - (now + this.aheadMs)) < oldMostMs;
  }
}
