/**
 * The writes and effects of one event. A state machine collects both and performs nothing, so that
 * it is pure and can be replayed. The time of the event is part of it, so that everything that the
 * event changes happens at one time.
 */
export class Transition<Write, Effect> {
  /** Milliseconds on the engine's clock. */
  readonly now: number;
  readonly writes: Write[] = [];
  readonly effects: Effect[] = [];

  constructor(now: number) {
    this.now = now;
  }

  /** Adds writes, which are committed before any effect of this transition runs. */
  write(...writes: readonly Write[]): void {
    for (const write of writes) this.writes.push(write);
  }

  /** Adds effects, which run in the order in which they were added. */
  perform(...effects: readonly Effect[]): void {
    for (const effect of effects) this.effects.push(effect);
  }
}
