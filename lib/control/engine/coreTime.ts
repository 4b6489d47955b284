/**
 * The time of the core, and its one timer. When the system's clock was set, the core first moves
 * what waits for a duration, and then everything that it stores has the new time.
 */
import type { Log } from "../../log/log.ts";
import { Alarm } from "../../time/alarm.ts";
import type { Clock } from "../../time/clock.ts";
import { Timeline } from "../../time/timeline.ts";

/** A smaller correction of the clock is of no interest to people. */
const noteworthyMs = 60_000;

export interface CoreTimeEvents {
  /** The clock was set by this many milliseconds. */
  onSet(byMs: number): void;
  /** The time has come, as `Alarm` reports it. */
  onDue(wasPaused: boolean): void;
}

export class CoreTime {
  readonly #timeline: Timeline;
  readonly #alarm: Alarm;
  readonly #onSet: (byMs: number) => void;
  readonly #log: Log;

  constructor(clock: Clock, log: Log, { onSet, onDue }: CoreTimeEvents) {
    this.#timeline = new Timeline(clock);
    this.#alarm = new Alarm(clock, onDue);
    this.#onSet = onSet;
    this.#log = log;
  }

  /** Milliseconds since 1970, after it has followed the system's clock. */
  now(): number {
    const byMs = this.#timeline.follow();
    if (byMs !== 0) {
      this.#onSet(byMs);
      const seconds = Math.round(byMs / 1000);
      if (Math.abs(byMs) >= noteworthyMs) this.#log.warn("clock set: times follow it", { seconds });
    }
    return this.current;
  }

  /** Milliseconds since 1970, for use within an event. */
  get current(): number {
    return this.#timeline.now();
  }

  /** Calls `onDue` at this time, in milliseconds since 1970; an earlier one is kept. */
  wakeAt(at: number | undefined): void {
    this.#alarm.set(this.#timeline.toSteady(at));
  }

  cancel(): void {
    this.#alarm.cancel();
  }
}
