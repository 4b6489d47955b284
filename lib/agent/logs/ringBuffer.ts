/** The last so many of any number of numbers. */
export class RingBuffer {
  readonly #numbers: Float64Array;
  #added = 0;

  constructor(most: number) {
    this.#numbers = new Float64Array(most);
  }

  add(number: number): void {
    this.#numbers[this.#added++ % this.#numbers.length] = number;
  }

  /** How many there are now. */
  get size(): number {
    return Math.min(this.#added, this.#numbers.length);
  }

  /** The earliest of the last `most`; undefined where there is none. */
  earliest(most: number): number | undefined {
    const back = Math.min(most, this.size);
    if (back === 0) return undefined;
    return this.#numbers[(this.#added - back) % this.#numbers.length];
  }

  clear(): void {
    this.#added = 0;
  }
}
