/** Keeps the last numbers of a sequence, up to its capacity. */
export class RingBuffer {
  readonly #numbers: Float64Array;
  #added = 0;

  constructor(most: number) {
    this.#numbers = new Float64Array(most);
  }

  add(number: number): void {
    this.#numbers[this.#added++ % this.#numbers.length] = number;
  }

  /** The count of numbers in the buffer. */
  get size(): number {
    return Math.min(this.#added, this.#numbers.length);
  }

  /** Returns the earliest of the last `most` numbers; undefined if there is none. */
  earliest(most: number): number | undefined {
    const back = Math.min(most, this.size);
    if (back === 0) return undefined;
    return this.#numbers[(this.#added - back) % this.#numbers.length];
  }

  clear(): void {
    this.#added = 0;
  }
}
