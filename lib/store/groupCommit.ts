/**
 * Group commit: what makes durable and fast the same thing.
 *
 * A state machine's step yields writes and effects. Writes of many steps are committed together,
 * once a turn of the event loop; no effect leaves before every write that came before it is on
 * disk. A commit that fails releases nothing: the whole batch is handed back to its owner.
 */
export interface Batch<Write, Effect> {
  writes: Write[];
  effects: Effect[];
}

export interface GroupCommitOptions<Write, Effect, Result> {
  /** Makes all writes durable and says what came of them, or throws and makes none. */
  commit(writes: Write[]): Result;
  /** `result` is that of the commit before them; undefined where nothing had to be written. */
  release(effects: Effect[], result: Result | undefined): void;
  failed(batch: Batch<Write, Effect>, error: unknown): void;
  /** Runs a function when everything that has already arrived was looked at. */
  defer(run: () => void): void;
  /** Writes in one commit at the most. */
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

  /** Writes and effects that wait for the next commit. */
  get waitingCount(): number {
    return this.#batch.writes.length + this.#batch.effects.length;
  }

  /** Takes one step's yield. Effects with no write before them leave at once. */
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

  /** Commits what is waiting now, and lets its effects go. */
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
