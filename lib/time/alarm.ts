/**
 * The one timer of a state machine. A process that stood still (a stopped process, a suspended
 * host, a disk that did not answer) wakes with a timer that is due and with messages that arrived
 * in time but were not read yet. So the alarm rings only after everything that has arrived was
 * looked at, and says whether it is late.
 */
import type { Clock } from "./clock.ts";

/** A timer is set for this long at most; the alarm then rings early. */
const waitMsMax = 60_000;
/** A process that runs rings well within this time. */
const lateMs = 1_000;

export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: (wasPaused: boolean) => void;
  readonly #afterPauseMs: number;
  #cancel = () => {};
  #at = Number.POSITIVE_INFINITY;

  /**
   * `ring` is told whether this process stood still when it should have rung; then it is called no
   * sooner than `afterPauseMs` after the process goes on.
   */
  constructor(clock: Clock, ring: (wasPaused: boolean) => void, afterPauseMs = 0) {
    this.#clock = clock;
    this.#onDue = ring;
    this.#afterPauseMs = afterPauseMs;
  }

  /** Rings at this moment, in milliseconds of the clock, or earlier; an earlier setting stays. */
  set(at: number | undefined): void {
    if (at === undefined || at >= this.#at) return;
    this.#cancel();
    const now = this.#clock.now();
    const waitMs = Math.min(Math.max(0, Math.ceil(at - now)), waitMsMax);
    this.#at = at;
    this.#cancel = this.#clock.after(waitMs, () => this.#due(now + waitMs));
  }

  cancel(): void {
    this.#cancel();
    this.#at = Number.POSITIVE_INFINITY;
  }

  #due(at: number): void {
    const wasPaused = this.#clock.now() - at > lateMs;
    // From here on no other setting may make it ring sooner.
    this.#at = Number.NEGATIVE_INFINITY;
    if (!wasPaused || this.#afterPauseMs === 0) return this.#defer(wasPaused);
    this.#cancel = this.#clock.after(this.#afterPauseMs, () => this.#defer(true));
  }

  #defer(wasPaused: boolean): void {
    let isCancelled = false;
    this.#cancel = () => {
      isCancelled = true;
    };
    this.#clock.defer(() => {
      if (isCancelled) return;
      this.#at = Number.POSITIVE_INFINITY;
      this.#onDue(wasPaused);
    });
  }
}
