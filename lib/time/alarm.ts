/**
 * The single timer of a state machine. After a suspension (a stopped process, a suspended host, a
 * blocked disk), the timer is due although messages that arrived in time were not read yet. So the
 * alarm rings only after all arrived events were handled, and reports whether it is late.
 */
import type { Clock } from "./clock.ts";

/** The maximum duration of a timer; the alarm then rings early. */
const waitMsMax = 60_000;
/** A process that was not suspended rings within this time. */
const lateMs = 1_000;
/** A timer that is later than this may have been due during a suspension that just ended. */
const promptMs = 5;
/** Within this time, an event loop that runs again handles everything that has arrived. */
const catchUpMs = 20;

export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: (wasPaused: boolean) => void;
  readonly #afterPauseMs: number;
  #cancel = () => {};
  #at = Number.POSITIVE_INFINITY;

  /**
   * @param ring Called with whether this process was suspended when it should have rung; it is then
   *   called at least `afterPauseMs` after the process has resumed.
   */
  constructor(clock: Clock, ring: (wasPaused: boolean) => void, afterPauseMs = 0) {
    this.#clock = clock;
    this.#onDue = ring;
    this.#afterPauseMs = afterPauseMs;
  }

  /**
   * Sets the alarm to a time on the clock, in milliseconds. It may ring earlier; an earlier setting
   * is kept.
   */
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
    const late = this.#clock.now() - at;
    const wasPaused = late > lateMs;
    // From here on, no other setting may make it ring earlier.
    this.#at = Number.NEGATIVE_INFINITY;
    if (late <= promptMs) return this.#defer(false);
    const waitMs = wasPaused ? Math.max(this.#afterPauseMs, catchUpMs) : catchUpMs;
    this.#cancel = this.#clock.after(waitMs, () => this.#defer(wasPaused));
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
