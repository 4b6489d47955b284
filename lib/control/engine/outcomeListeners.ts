/** Those who follow jobs: told of each outcome once it is on disk. */
import type { StoredOutcome } from "../core/model.ts";

type OnOutcome = (outcome: StoredOutcome) => void;

export class Watchers {
  readonly #watchers = new Map<string, Set<OnOutcome>>();

  /** Calls back with each outcome of this job, until the returned function is called. */
  add(jobId: string, onOutcome: OnOutcome): () => void {
    const watchers = this.#watchers.get(jobId) ?? new Set();
    this.#watchers.set(jobId, watchers.add(onOutcome));
    return () => {
      watchers.delete(onOutcome);
      const isLast = watchers.size === 0 && this.#watchers.get(jobId) === watchers;
      if (isLast) this.#watchers.delete(jobId);
    };
  }

  tell(outcome: StoredOutcome): void {
    for (const onOutcome of this.#watchers.get(outcome.jobId) ?? []) onOutcome(outcome);
  }
}
