/** Those who follow jobs: told of each outcome once it is on disk. */
import type { StoredOutcome } from "../core/model.ts";

type OnOutcome = (outcome: StoredOutcome) => void;

export class OutcomeListeners {
  readonly #listeners = new Map<string, Set<OnOutcome>>();

  /** Calls back with each outcome of this job, until the returned function is called. */
  add(jobId: string, onOutcome: OnOutcome): () => void {
    const watchers = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, watchers.add(onOutcome));
    return () => {
      watchers.delete(onOutcome);
      const isLast = watchers.size === 0 && this.#listeners.get(jobId) === watchers;
      if (isLast) this.#listeners.delete(jobId);
    };
  }

  notify(outcome: StoredOutcome): void {
    for (const onOutcome of this.#listeners.get(outcome.jobId) ?? []) onOutcome(outcome);
  }
}
