/**
 * Virtual time: what is due next happens next, and things due at the same moment in the order in
 * which they were asked for. A process sees it through a clock of its own, which dies with it.
 */
import type { Clock } from "../../lib/time/clock.ts";

interface Due {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

/** Things that may happen at one moment; more are an endless loop. */
const stepsAtOnceMax = 50_000;

export class Time {
  now: number;
  #order = 0;
  #steps = 0;
  #heap: Due[] = [];

  constructor(start: number) {
    this.now = start;
  }

  at(at: number, run: () => void): Due {
    const due = { at: Math.max(at, this.now), order: this.#order++, run };
    this.#push(due);
    return due;
  }

  after(ms: number, run: () => void): Due {
    return this.at(this.now + ms, run);
  }

  /** Runs everything that is due until the given moment. */
  runUntil(end: number, afterEach: () => void): void {
    while (this.#runNext(end)) afterEach();
    this.now = end;
  }

  /** Does the same with processes that wait for promises: each step ends when all have settled. */
  async runAndSettleUntil(end: number, afterEach: () => void): Promise<void> {
    while (this.#runNext(end)) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      afterEach();
    }
    this.now = end;
  }

  /** Runs what is due next. Returns false if that is later than `end`. */
  #runNext(end: number): boolean {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      this.#steps = next.at === this.now ? this.#steps + 1 : 0;
      if (this.#steps > stepsAtOnceMax) throw new Error("time stands still: somebody never waits");
      this.now = next.at;
      if (next.run === undefined) continue;
      next.run();
      return true;
    }
    return false;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(due);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Due;
      if (!isBefore(due, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Due)) child++;
      if (!isBefore(heap[child] as Due, last)) break;
      heap[index] = heap[child] as Due;
      index = child;
    }
    heap[index] = last;
  }
}

/**
 * A process's clocks: a steady one, and that of its system, which may be set at any time. Both are
 * silent once it is dead.
 */
export class ProcessClock implements Clock {
  isAlive = true;
  /** Whether its process may have done something since this was last set to false. */
  hasRun = true;
  /** Ids of requests whose answers have arrived and were not read yet. */
  readonly unread = new Set<string>();
  /** Until then nothing of this process runs, as if it were stopped: it runs afterwards, late. */
  pausedUntil = 0;
  /** What has come meanwhile. */
  readonly #late: (() => void)[] = [];
  /** Timers that were due meanwhile: an event loop may run them before it reads what has come. */
  readonly #dueTimers: (() => void)[] = [];
  readonly #time: Time;
  /** By how much the steady clock is ahead of the world's time. */
  readonly #aheadMs: number;
  /** The same of the system's clock, now. */
  readonly #systemAheadMs: () => number;

  constructor(time: Time, systemAheadMs: () => number) {
    this.#time = time;
    this.#aheadMs = systemAheadMs();
    this.#systemAheadMs = systemAheadMs;
  }

  now(): number {
    return this.#time.now + this.#aheadMs;
  }

  wall(): number {
    return this.#time.now + this.#systemAheadMs();
  }

  after(ms: number, run: () => void): () => void {
    let isCancelled = false;
    const timer = () => {
      if (!isCancelled) run();
    };
    const due = this.#time.after(ms, () => this.#runTimer(timer));
    return () => {
      isCancelled = true;
      due.run = undefined;
    };
  }

  defer(run: () => void): void {
    this.#time.after(0, () => {
      // An event loop reads only so much in one turn: this turn may end before all was read.
      if (this.isAlive && this.#time.now >= this.pausedUntil) this.#now(run);
      else this.run(run);
    });
  }

  /** Whatever reaches the process from outside reaches it through this, in the order of its coming. */
  run(run: () => void): void {
    if (!this.isAlive) return;
    if (this.#time.now >= this.pausedUntil && this.#lateCount === 0) return this.#now(run);
    this.#late.push(run);
    if (this.#lateCount === 1) this.#time.at(this.pausedUntil, () => this.#catchUp());
  }

  #runTimer(run: () => void): void {
    if (!this.isAlive) return;
    if (this.#time.now >= this.pausedUntil && this.#lateCount === 0) return this.#now(run);
    this.#dueTimers.push(run);
    if (this.#lateCount === 1) this.#time.at(this.pausedUntil, () => this.#catchUp());
  }

  #now(run: () => void): void {
    if (!this.isAlive) return;
    this.hasRun = true;
    try {
      run();
    } catch (error) {
      // What a process did when its machine stopped has no end.
      if (this.isAlive) throw error;
    }
  }

  get #lateCount(): number {
    return this.#late.length + this.#dueTimers.length;
  }

  /** One turn of the event loop: all timers that are due, then one of the messages. */
  #catchUp(): void {
    if (!this.isAlive) return;
    if (this.#time.now >= this.pausedUntil) {
      for (const timer of this.#dueTimers.splice(0)) this.#now(timer);
      const next = this.#late.shift();
      if (next !== undefined) this.#now(next);
    }
    if (this.#lateCount > 0) this.#time.at(this.pausedUntil, () => this.#catchUp());
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
