/** Listeners that take outcomes. Each outcome is published once it is on disk. */
import type { StoredOutcome } from "../core/model.ts";

type OnOutcome = (outcome: StoredOutcome) => void;
type OnAnyOutcome = (outcome: StoredOutcome, command: string) => void;

export class OutcomeListeners {
  readonly #listeners = new Map<string, Set<OnOutcome>>();
  readonly #forAll: OnAnyOutcome[] = [];

  /** Calls `onOutcome` with each outcome of this job until the returned function is called. */
  add(jobId: string, onOutcome: OnOutcome): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners.add(onOutcome));
    return () => {
      listeners.delete(onOutcome);
      const isLast = listeners.size === 0 && this.#listeners.get(jobId) === listeners;
      if (isLast) this.#listeners.delete(jobId);
    };
  }

  /** Calls `onOutcome` with each outcome and the command of its job. */
  addForAll(onOutcome: OnAnyOutcome): void {
    this.#forAll.push(onOutcome);
  }

  notify(outcome: StoredOutcome, command: string): void {
    for (const onOutcome of this.#listeners.get(outcome.jobId) ?? []) onOutcome(outcome);
    for (const onOutcome of this.#forAll) onOutcome(outcome, command);
  }
}
