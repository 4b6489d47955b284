/**
 * Runs background tasks, such as cleanup, polling and notifications. Errors are logged at most once
 * an hour per task and affect nothing else.
 */
import { errorText } from "../protocol/errors.ts";
import type { Log } from "./log.ts";

const sayAgainMs = 60 * 60 * 1000;
/** The number of tasks whose errors are remembered; beyond that the oldest may be logged again. */
const saidMax = 1_000;

export class FaultGuard {
  readonly #log: Log;
  readonly #now: () => number;
  /** When the error of each task was last logged. */
  readonly #said = new Map<string, number>();

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /**
   * Runs a task and returns whether it succeeded.
   *
   * @param what Completes the sentence "Cannot …".
   * @param next A further sentence for the log.
   */
  attempt(what: string, run: () => void, next?: string): boolean {
    try {
      run();
      // An effect builds its name each time, and looking one up reads it whole.
      if (this.#said.size > 0) this.#said.delete(what);
      return true;
    } catch (error) {
      this.#say(what, next === undefined ? errorText(error) : `${errorText(error)}. ${next}`);
      return false;
    }
  }

  #say(what: string, why: string): void {
    const now = this.#now();
    const saidAt = this.#said.get(what);
    if (saidAt !== undefined && now - saidAt < sayAgainMs) return;
    this.#said.delete(what);
    this.#said.set(what, now);
    const [oldest] = this.#said.keys();
    if (this.#said.size > saidMax && oldest !== undefined) this.#said.delete(oldest);
    this.#log.error(`Cannot ${what}: ${why}`);
  }
}
