/** What arrives, in order, and a bounded wait for the first of it that fits. */
const waitMs = 30_000;

export class Inbox<T> {
  readonly all: T[] = [];
  #end: string | undefined;
  #wake = Promise.withResolvers<void>();

  add(item: T): void {
    this.all.push(item);
    this.#ring();
  }

  /** Nothing more will come: whoever still waits is told why. */
  end(why: string): void {
    this.#end ??= why;
    this.#ring();
  }

  /** The first answer of `pick` that is not undefined, among the items from `from` on. */
  async first<U>(what: string, pick: (item: T) => U | undefined, from = 0): Promise<U> {
    const deadline = Date.now() + waitMs;
    for (let index = from; ; index++) {
      while (index >= this.all.length) await this.#more(what, deadline);
      const picked = pick(this.all[index] as T);
      if (picked !== undefined) return picked;
    }
  }

  async #more(what: string, deadline: number): Promise<void> {
    if (this.#end !== undefined) throw new Error(`no ${what}: ${this.#end}; ${this.#summary()}`);
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) throw new Error(`no ${what} within ${waitMs} ms; ${this.#summary()}`);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, leftMs);
    });
    await Promise.race([this.#wake.promise, timeout]);
    clearTimeout(timer);
  }

  #summary(): string {
    return `came: ${JSON.stringify(this.all.slice(-20))?.slice(0, 4_000)}`;
  }

  #ring(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
