/** Those who follow jobs: told that there is something new, never what; that is in the journal. */
export class Watchers {
  readonly #watchers = new Map<string, Set<() => void>>();

  /**
   * Calls back whenever outcomes of this job were written, until the returned function is called.
   */
  add(jobId: string, onOutcome: () => void): () => void {
    const watchers = this.#watchers.get(jobId) ?? new Set();
    this.#watchers.set(jobId, watchers.add(onOutcome));
    return () => {
      watchers.delete(onOutcome);
      if (watchers.size === 0) this.#watchers.delete(jobId);
    };
  }

  ring(jobId: string): void {
    for (const onOutcome of this.#watchers.get(jobId) ?? []) onOutcome();
  }
}
