/**
 * The idempotency keys of jobs that the index does not have yet, as hashes: eight bytes for each. A
 * key that was not used is taken for one that was with a probability of 10⁻⁸ at ten million keys.
 */
export class TakenKeys {
  #hashes = new Float64Array(1024);
  #count = 0;
  #isSorted = true;

  add(key: string): void {
    if (this.#count === this.#hashes.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#count++] = hashOf(key);
    this.#isSorted = false;
  }

  /** Whether the key may have been added. */
  has(key: string): boolean {
    const used = this.#hashes.subarray(0, this.#count);
    if (!this.#isSorted) used.sort();
    this.#isSorted = true;
    const hash = hashOf(key);
    let [low, high] = [0, used.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((used[middle] ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return used[low] === hash;
  }
}

/** 52 bits: two FNV-1a hashes with different beginnings, over the UTF-16 units. */
function hashOf(key: string): number {
  let first = 0x811c9dc5;
  let second = 0x9e3779b9;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x85ebca6b);
  }
  return (first >>> 0) * 2 ** 20 + ((second >>> 0) & 0xfffff);
}
