/**
 * What is done beside the main path: tidying up, looking again, telling who watches. Whatever it
 * throws is logged, once an hour for each thing that was tried, and ends nothing else.
 */
import { errorText } from "../protocol/errors.ts";
import type { Log } from "./log.ts";

const sayAgainMs = 60 * 60 * 1000;
/** Things whose faults are remembered; beyond that the oldest may be said again. */
const saidMax = 1_000;

export class FaultGuard {
  readonly #log: Log;
  readonly #now: () => number;
  /** When the fault of each thing was last said. */
  readonly #said = new Map<string, number>();

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Whether it was done; `what` completes the sentence "Cannot …", `next` is one of its own. */
  attempt(what: string, run: () => void, next?: string): boolean {
    try {
      run();
      this.#said.delete(what);
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
