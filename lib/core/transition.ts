/**
 * What one event changes: the writes to make durable, and the effects to perform once they are. A
 * state machine collects both and performs nothing, so that it is pure and can be replayed. The
 * time of the event travels with it, so that everything that one event changes happens at one
 * moment.
 */
export class Transition<Write, Effect> {
  /** Milliseconds of the engine's clock. */
  readonly now: number;
  readonly writes: Write[] = [];
  readonly effects: Effect[] = [];

  constructor(now: number) {
    this.now = now;
  }

  /** Adds writes, which are committed before any effect of this transition is performed. */
  write(...writes: readonly Write[]): void {
    for (const write of writes) this.writes.push(write);
  }

  /** Adds effects, which are performed in the order in which they were added. */
  perform(...effects: readonly Effect[]): void {
    for (const effect of effects) this.effects.push(effect);
  }
}
