/**
 * A restart that was asked for: from then on nothing new starts, and what runs is waited for, but
 * not for ever. Every restart that waits for its own moment is answered by the same new process.
 */
import { restartGraceMs } from "../protocol/limits.ts";
import type { Entry } from "./entry.ts";

export class PendingRestart {
  #state: { by: number; isOrdered: boolean } | undefined;

  get isPending(): boolean {
    return this.#state !== undefined;
  }

  /** When waiting ends; undefined where nothing is waited for. */
  next(): number | undefined {
    return this.#state?.isOrdered === false ? this.#state.by : undefined;
  }

  ask(now: number): void {
    this.#state ??= { by: now + restartGraceMs, isOrdered: false };
  }

  giveUp(): void {
    this.#state = undefined;
  }

  /** Once it is time, and once only: the running commands that this restart carries out. */
  order(entries: Iterable<Entry>, now: number): Entry[] | undefined {
    if (this.#state === undefined || this.#state.isOrdered) return undefined;
    const running = [...entries].filter(({ record }) => record.state === "started");
    // What outlives the process is taken up again by the one that comes back.
    const isAlone = running.every(({ endsProcess, record }) => endsProcess || record.outlives);
    if (!isAlone && now < this.#state.by) return undefined;
    this.#state.isOrdered = true;
    return running.filter(({ endsProcess }) => endsProcess);
  }
}
