/**
 * Deadlines by key, for state machines with a single timer. The earliest is found in constant time;
 * setting one takes logarithmic time. A binary heap contains every deadline ever set. Moved and
 * deleted entries are skipped when they reach the top, and removed when they outnumber the live
 * ones.
 */
export class DeadlineQueue<K> {
  #due = new Map<K, number>();
  #heap: { at: number; key: K }[] = [];

  get size(): number {
    return this.#due.size;
  }

  /** The number of entries in memory: a bounded multiple of `size`. */
  get heldCount(): number {
    return this.#heap.length;
  }

  set(key: K, at: number): void {
    if (this.#due.get(key) === at) return;
    this.#due.set(key, at);
    this.#heap.push({ at, key });
    this.#up(this.#heap.length - 1);
    this.#trim();
  }

  get(key: K): number | undefined {
    return this.#due.get(key);
  }

  delete(key: K): void {
    this.#due.delete(key);
    this.#trim();
  }

  /** Returns the earliest deadline, or undefined if there is none. */
  next(): number | undefined {
    this.#skipStale();
    return this.#heap[0]?.at;
  }

  /** Removes and returns one key whose deadline has passed, the earliest first. */
  popDue(now: number): K | undefined {
    this.#skipStale();
    const top = this.#heap[0];
    if (top === undefined || top.at > now) return undefined;
    this.#due.delete(top.key);
    this.#pop();
    return top.key;
  }

  /** Moves every deadline by a number of milliseconds. */
  shift(byMs: number): void {
    for (const [key, at] of this.#due) this.#due.set(key, at + byMs);
    for (const entry of this.#heap) entry.at += byMs;
  }

  #skipStale(): void {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#due.get(top.key) === top.at) return;
      this.#pop();
    }
  }

  #trim(): void {
    if (this.#heap.length <= 2 * this.#due.size + 64) return;
    this.#heap = Array.from(this.#due, ([key, at]) => ({ at, key })).sort((a, b) => a.at - b.at);
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    const heap = this.#heap;
    const entry = heap[from];
    if (entry === undefined) return;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= entry.at) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #down(from: number): void {
    const heap = this.#heap;
    const entry = heap[from];
    if (entry === undefined) return;
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const leftEntry = heap[left];
      if (leftEntry === undefined) break;
      const rightEntry = heap[left + 1];
      const useRight = rightEntry !== undefined && rightEntry.at < leftEntry.at;
      const child = useRight ? rightEntry : leftEntry;
      if (child.at >= entry.at) break;
      heap[index] = child;
      index = useRight ? left + 1 : left;
    }
    heap[index] = entry;
  }
}

/** Returns the earlier of two times, either of which may be undefined. */
export function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
