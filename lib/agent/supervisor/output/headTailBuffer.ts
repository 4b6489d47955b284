/** Keeps the beginning and the end of a stream of any length in bounded memory. */
import { omittedMark } from "../../../protocol/omission.ts";

export class HeadTailBuffer {
  readonly #headMax: number;
  readonly #tailMax: number;
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #cutBytes = 0;

  /** @param bytesMax The limit: half for the head, the rest for the tail. */
  constructor(bytesMax: number) {
    this.#headMax = Math.floor(bytesMax / 2);
    this.#tailMax = bytesMax - this.#headMax;
  }

  add(chunk: Buffer): void {
    const room = this.#headMax - this.#headBytes;
    const first = chunk.subarray(0, room);
    if (first.length > 0) this.#head.push(Buffer.from(first));
    this.#headBytes += first.length;
    const rest = chunk.subarray(first.length);
    if (rest.length === 0) return;
    // A copy, so that a few bytes do not keep a large buffer in memory.
    const last = Buffer.from(rest.subarray(-this.#tailMax));
    this.#tail.push(last);
    this.#tailBytes += last.length;
    this.#cutBytes += rest.length - last.length;
    while (this.#tailBytes > this.#tailMax) this.#shorten(this.#tailBytes - this.#tailMax);
  }

  /** Returns the kept text, with a mark where bytes were omitted. */
  text(): string {
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail);
    if (this.#cutBytes === 0) return Buffer.concat([head, tail]).toString("utf8");
    return head.toString("utf8") + omittedMark(this.#cutBytes) + tail.toString("utf8");
  }

  #shorten(bytes: number): void {
    const [first] = this.#tail;
    if (first === undefined) return;
    const cut = Math.min(bytes, first.length);
    this.#cutBytes += cut;
    this.#tailBytes -= cut;
    if (cut === first.length) this.#tail.shift();
    else this.#tail[0] = first.subarray(cut);
  }
}
