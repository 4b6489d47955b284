/**
 * Group commit: batches the writes of many steps into one commit, then runs their effects.
 *
 * A step of a state machine returns writes and effects. The writes of all steps in one turn of the
 * event loop are committed together. While a commit waits for the disk on another thread, the next
 * batch gathers. An effect runs only after every earlier write is on disk. If a commit fails, no
 * effect runs and everything that waits is returned to the owner.
 */
export interface Batch<Write, Effect> {
  writes: Write[];
  effects: Effect[];
}

export interface GroupCommitOptions<Write, Effect, Result> {
  /**
   * Makes all writes durable, or throws and makes none. A promise means that the disk is slow: it
   * resolves when the writes are durable, and rejects if none is.
   */
  commit(writes: Write[]): Result | Promise<Result>;
  /** Makes the writes of the pending promise durable before it returns, or throws. */
  settle?(): Result;
  /**
   * @param result The result of the commit before the effects; undefined if there was nothing to
   *   write.
   */
  release(effects: Effect[], result: Result | undefined): void;
  /** Whether an effect of a step without writes may run before earlier writes are durable. */
  mayOvertake?(effect: Effect): boolean;
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
  /** The batch whose commit waits for the disk. */
  #pending: Batch<Write, Effect> | undefined;

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
        if (effects.length > 0) this.#options.release(effects, undefined);
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
    const { mayOvertake, release } = this.#options;
    if (mayOvertake === undefined) return effects;
    const now = effects.filter(mayOvertake);
    if (now.length > 0) release(now, undefined);
    return now.length === 0 ? effects : effects.filter((effect) => !mayOvertake(effect));
  }

  #commit(): void {
    const batch = this.#batch;
    if (this.#pending !== undefined || batch.writes.length + batch.effects.length === 0) return;
    this.#batch = { writes: [], effects: [] };
    if (batch.writes.length === 0) return this.#options.release(batch.effects, undefined);
    this.#pending = batch;
    this.#finish(batch, () => this.#options.commit(batch.writes));
  }

  #settle(): void {
    const { settle } = this.#options;
    const batch = this.#pending;
    if (batch !== undefined && settle !== undefined) this.#finish(batch, settle);
  }

  /** Ends the commit of a batch, or waits for it if `durable` returns a promise. */
  #finish(batch: Batch<Write, Effect>, durable: () => Result | Promise<Result>): void {
    let result: Result | Promise<Result>;
    try {
      result = durable();
    } catch (error) {
      return this.#failed(batch, error);
    }
    if (!(result instanceof Promise)) return this.#durable(batch, result);
    result.then(
      (value) => {
        this.#durable(batch, value);
        this.#commit();
      },
      (error) => this.#failed(batch, error),
    );
  }

  /** Does nothing if the batch was settled before. */
  #durable(batch: Batch<Write, Effect>, result: Result): void {
    if (this.#pending !== batch) return;
    this.#pending = undefined;
    if (batch.effects.length > 0) this.#options.release(batch.effects, result);
  }

  /** What has gathered since builds on the writes that failed, so it fails with them. */
  #failed(batch: Batch<Write, Effect>, error: unknown): void {
    if (this.#pending !== batch) return;
    this.#pending = undefined;
    const { writes, effects } = this.#batch;
    this.#batch = { writes: [], effects: [] };
    const all = { writes: [...batch.writes, ...writes], effects: [...batch.effects, ...effects] };
    this.#options.failed(all, error);
  }
}
