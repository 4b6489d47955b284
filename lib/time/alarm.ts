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
    const wasPaused = this.#clock.now() - at > lateMs;
    // From here on, no other setting may make it ring earlier.
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
