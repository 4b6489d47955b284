/** Runs a task now and every hour. A failure is logged, and the next hour tries again. */
import { errorText } from "../protocol/errors.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "./log.ts";

export interface HourlyTaskOptions {
  clock: Pick<Clock, "after">;
  log: Log;
  /** What the task does, for the log, such as `remove old log entries`. */
  what: string;
  run(): void;
}

const hourMs = 60 * 60 * 1000;

export class HourlyTask {
  readonly #options: HourlyTaskOptions;
  #cancel = () => {};

  constructor(options: HourlyTaskOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, log, what, run } = this.#options;
    try {
      run();
    } catch (error) {
      log.warn(`Cannot ${what}: ${errorText(error)}. Retrying in an hour`);
    }
    this.#cancel = clock.after(hourMs, () => this.start());
  }

  close(): void {
    this.#cancel();
  }
}
