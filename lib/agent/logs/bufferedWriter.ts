/** A writer that collects small writes, and writes them at the next opportunity. */
const pendingBytesMax = 64 * 1024;

export class BufferedWriter {
  readonly #write: (bytes: Uint8Array) => void;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  write(bytes: Uint8Array): void {
    // The data is copied, because the caller may reuse its buffer.
    this.#held.push(new Uint8Array(bytes));
    this.#heldBytes += bytes.length;
    if (this.#heldBytes >= pendingBytesMax) this.flush();
  }

  flush(): void {
    if (this.#heldBytes === 0) return;
    const bytes = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    this.#write(bytes);
  }
}
