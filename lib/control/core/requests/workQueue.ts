/**
 * Processes items one by one, including those added meanwhile. This keeps the call stack flat for
 * long chains.
 */
export class WorkQueue<Item> {
  #items: Item[] = [];
  #isUnderWay = false;

  run(items: readonly Item[], carryOut: (item: Item) => void): void {
    for (const item of items) this.#items.push(item);
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    for (let next = 0; next < this.#items.length; next++) carryOut(this.#items[next] as Item);
    this.#items = [];
    this.#isUnderWay = false;
  }
}
