/**
 * Group commit: batches the writes of many steps into one SQLite transaction, then runs their
 * effects.
 *
 * A step of a state machine returns writes and effects. The writes of all steps in one turn of the
 * event loop are committed together. An effect runs only after every earlier write is on disk. If a
 * commit fails, no effect runs and the whole batch is returned to the owner.
 */
export interface Batch<Write, Effect> {
  writes: Write[];
  effects: Effect[];
}

export interface GroupCommitOptions<Write, Effect, Result> {
  /** Makes all writes durable and returns the result, or throws and makes none. */
  commit(writes: Write[]): Result;
  /**
   * @param result The result of the commit before the effects; undefined if there was nothing to
   *   write.
   */
  release(effects: Effect[], result: Result | undefined): void;
  failed(batch: Batch<Write, Effect>, error: unknown): void;
  /** Runs a function after all events that have already arrived. */
  defer(run: () => void): void;
  /** The maximum number of writes in one commit. */
  writesMax?: number;
}

export class GroupCommit<Write, Effect, Result = void> {
  readonly #options: GroupCommitOptions<Write, Effect, Result>;
  readonly #writesMax: number;
  #batch: Batch<Write, Effect> = { writes: [], effects: [] };

  constructor(options: GroupCommitOptions<Write, Effect, Result>) {
    this.#options = options;
    this.#writesMax = options.writesMax ?? 8192;
  }

  /** The number of writes and effects that wait for the next commit. */
  get waitingCount(): number {
    return this.#batch.writes.length + this.#batch.effects.length;
  }

  /** Adds the writes and effects of one step. Effects without an earlier write run immediately. */
  add(step: Batch<Write, Effect>): void {
    const batch = this.#batch;
    if (batch.writes.length === 0) {
      if (step.writes.length === 0) {
        if (step.effects.length > 0) this.#options.release(step.effects, undefined);
        return;
      }
      this.#options.defer(() => this.flush());
    }
    for (const write of step.writes) batch.writes.push(write);
    for (const effect of step.effects) batch.effects.push(effect);
    if (batch.writes.length >= this.#writesMax) this.flush();
  }

  /** Commits everything that is waiting and runs its effects. */
  flush(): void {
    const batch = this.#batch;
    if (batch.writes.length === 0) return;
    this.#batch = { writes: [], effects: [] };
    let result: Result;
    try {
      result = this.#options.commit(batch.writes);
    } catch (error) {
      this.#options.failed(batch, error);
      return;
    }
    if (batch.effects.length > 0) this.#options.release(batch.effects, result);
  }
}
