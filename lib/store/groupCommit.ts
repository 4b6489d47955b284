/**
 * Group commit: batches the writes of many steps into one commit, then runs their effects.
 *
 * A step of a state machine returns writes and effects. The writes of all steps in one turn of the
 * event loop are committed together. While a commit waits for the disk on another thread, the next
 * batch gathers. An effect runs only after every earlier write is on disk. If a commit fails,
 * everything that waits is returned to the owner, which names the effects that run all the same.
 */
export interface Batch<Write, Effect> {
  writes: Write[];
  effects: Effect[];
}

/** How a commit ended. */
export type Committed<Result> = { result: Result } | { error: unknown };

export interface GroupCommitOptions<Write, Effect, Result> {
  /**
   * Makes all writes durable and returns the result, or throws and makes none. On a slow disk it
   * returns undefined, and calls `done` once when the writes are durable or have failed.
   */
  commit(
    writes: Write[],
    done: (committed: Committed<Result>) => void,
  ): { result: Result } | undefined;
  /** Calls the `done` that is pending before it returns. */
  settle?(): void;
  /**
   * @param result The result of the commit before the effects; undefined if there was nothing to
   *   write.
   */
  release(effects: Effect[], result: Result | undefined): void;
  /** Whether an effect of a step without writes may run before earlier writes are durable. */
  mayOvertake?(effect: Effect): boolean;
  /** Handles a failed commit, and returns the effects that rely on none of its writes. */
  failed(batch: Batch<Write, Effect>, error: unknown): Effect[];
  /** Runs a function after all events that have already arrived. */
  defer(run: () => void): void;
  /** The maximum number of writes in one commit. */
  writesMax?: number;
}

export class GroupCommit<Write, Effect, Result = void> {
  readonly #options: GroupCommitOptions<Write, Effect, Result>;
  readonly #writesMax: number;
  #batch: Batch<Write, Effect> = { writes: [], effects: [] };
  /** The batch whose commit waits for the disk. */
  #pending: Batch<Write, Effect> | undefined;

  /** What is released while other effects run. */
  readonly #released: { effects: Effect[]; result: Result | undefined }[] = [];
  #isReleasing = false;

  constructor(options: GroupCommitOptions<Write, Effect, Result>) {
    this.#options = options;
    this.#writesMax = options.writesMax ?? 8192;
  }

  /** The number of writes and effects that wait for a commit. */
  get waitingCount(): number {
    const { writes, effects } = this.#batch;
    const pending = this.#pending;
    const before = pending === undefined ? 0 : pending.writes.length + pending.effects.length;
    return before + writes.length + effects.length;
  }

  /** Adds the writes and effects of one step. Effects without an earlier write run immediately. */
  add(step: Batch<Write, Effect>): void {
    const batch = this.#batch;
    let { effects } = step;
    if (step.writes.length === 0) {
      if (this.waitingCount === 0) {
        if (effects.length > 0) this.#release(effects, undefined);
        return;
      }
      effects = this.#overtake(effects);
    } else if (batch.writes.length === 0 && this.#pending === undefined) {
      this.#options.defer(() => this.#commit());
    }
    for (const write of step.writes) batch.writes.push(write);
    for (const effect of effects) batch.effects.push(effect);
    if (batch.writes.length >= this.#writesMax) this.flush();
  }

  /** Commits everything that is waiting and runs its effects, however slow the disk is. */
  flush(): void {
    this.#settle();
    this.#commit();
    this.#settle();
  }

  /** Runs the effects that may run now, and returns the others. */
  #overtake(effects: Effect[]): Effect[] {
    const { mayOvertake } = this.#options;
    if (mayOvertake === undefined) return effects;
    const now = effects.filter(mayOvertake);
    if (now.length > 0) this.#options.release(now, undefined);
    return now.length === 0 ? effects : effects.filter((effect) => !mayOvertake(effect));
  }

  #settle(): void {
    // What has gathered meanwhile is committed at once, and may be pending then.
    while (this.#pending !== undefined && this.#options.settle !== undefined) {
      this.#options.settle();
    }
  }

  #commit(): void {
    const batch = this.#batch;
    if (this.#pending !== undefined || batch.writes.length + batch.effects.length === 0) return;
    this.#batch = { writes: [], effects: [] };
    if (batch.writes.length === 0) return this.#release(batch.effects, undefined);
    this.#pending = batch;
    let committed: Committed<Result> | undefined;
    try {
      committed = this.#options.commit(batch.writes, (late) => {
        this.#finish(batch, late);
        this.#commit();
      });
    } catch (error) {
      committed = { error };
    }
    if (committed !== undefined) this.#finish(batch, committed);
  }

  #finish(batch: Batch<Write, Effect>, committed: Committed<Result>): void {
    this.#pending = undefined;
    if ("error" in committed) return this.#failed(batch, committed.error);
    if (batch.effects.length > 0) this.#release(batch.effects, committed.result);
  }

  /** Effects run in order, also when an effect commits: its effects run after those before them. */
  #release(effects: Effect[], result: Result | undefined): void {
    this.#released.push({ effects, result });
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    try {
      for (let next = this.#released.shift(); next !== undefined; next = this.#released.shift()) {
        this.#options.release(next.effects, next.result);
      }
    } finally {
      this.#isReleasing = false;
    }
  }

  /** What has gathered since builds on the writes that failed, so it fails with them. */
  #failed(batch: Batch<Write, Effect>, error: unknown): void {
    const { writes, effects } = this.#batch;
    this.#batch = { writes: [], effects: [] };
    const all = { writes: [...batch.writes, ...writes], effects: [...batch.effects, ...effects] };
    const independent = this.#options.failed(all, error);
    if (independent.length > 0) this.#release(independent, undefined);
  }
}
