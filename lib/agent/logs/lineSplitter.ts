/**
 * Bytes as they come, cut into lines: constant memory however long a line is. A line is judged
 * once, by its first bytes, and then passed on piece by piece, as it is.
 */

/** How much of a line is looked at. */
export const headBytesMax = 64 * 1024;

export interface LineSink {
  /** Whether a line is wanted: by its first bytes, at most `headBytesMax`, without its end. */
  accepts(head: Uint8Array): boolean;
  /** The next bytes of wanted lines, their line feeds included; valid only during the call. */
  append(bytes: Uint8Array): void;
}

const lineFeed = 10;
const carriageReturn = 13;

export class LineSplitter {
  readonly #taker: LineSink;
  /** The beginning of a line that is not judged yet. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Of the line that goes on; undefined while its beginning is awaited. */
  #verdict: boolean | undefined;
  #wanted = 0;
  /** Bytes that came before the piece at hand. */
  #before = 0;
  #lineStart = 0;

  constructor(sink: LineSink) {
    this.#taker = sink;
  }

  /** Lines that were wanted so far. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Where the line that is being judged begins, counted from the first byte that came. */
  get lineStart(): number {
    return this.#lineStart;
  }

  push(bytes: Uint8Array): void {
    // Wanted lines that follow each other are handed on as one.
    let from = 0;
    for (let at = 0; at < bytes.length; ) {
      const found = bytes.indexOf(lineFeed, at);
      const end = found < 0 ? bytes.length : found + 1;
      if (!this.#isAccepted(bytes.subarray(at, end), found >= 0)) {
        if (from < at) this.#taker.append(bytes.subarray(from, at));
        from = end;
      }
      this.#before += end - at;
      at = end;
    }
    if (from < bytes.length) this.#taker.append(bytes.subarray(from));
  }

  /** The last line, if nothing ended it. */
  end(): void {
    if (this.#heldBytes > 0) this.#release();
    this.#verdict = undefined;
  }

  /** Of a line or a part of one: false where it is not wanted, or has been dealt with. */
  #isAccepted(piece: Uint8Array, isEnd: boolean): boolean {
    if (this.#verdict === undefined) {
      if (this.#heldBytes === 0) this.#lineStart = this.#before;
      if (this.#heldBytes > 0 || (!isEnd && piece.length < headBytesMax)) {
        this.#keepPending(piece, isEnd);
        return false;
      }
      this.#judge(piece);
    }
    const isWanted = this.#verdict ?? false;
    if (isEnd) this.#verdict = undefined;
    return isWanted;
  }

  /** The beginning of a line that comes in several pieces. */
  #keepPending(piece: Uint8Array, isEnd: boolean): void {
    // The caller may use its buffer again.
    this.#held.push(new Uint8Array(piece));
    this.#heldBytes += piece.length;
    if (isEnd || this.#heldBytes >= headBytesMax) this.#release();
    if (isEnd) this.#verdict = undefined;
  }

  #release(): void {
    const start = this.#takePending();
    if (this.#judge(start)) this.#taker.append(start);
  }

  #judge(start: Uint8Array): boolean {
    this.#verdict = this.#taker.accepts(lineHead(start));
    if (this.#verdict) this.#wanted++;
    return this.#verdict;
  }

  #takePending(): Uint8Array {
    const held = this.#held.length === 1 ? this.#held[0] : undefined;
    const start = held ?? Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return start;
  }
}

/** Lines of several inputs in one: what one of them leaves open does not run into the next. */
export class LineMerger {
  readonly #take: (bytes: Uint8Array) => void;
  #isMidLine: boolean;

  constructor(take: (bytes: Uint8Array) => void, isMidLine = false) {
    this.#take = take;
    this.#isMidLine = isMidLine;
  }

  /** For the lines of one input. */
  sink(wants: (head: Uint8Array) => boolean): LineSink {
    return {
      accepts: (head) => {
        const isWanted = wants(head);
        if (isWanted && this.#isMidLine) this.#append(Uint8Array.of(lineFeed));
        return isWanted;
      },
      append: (bytes) => this.#append(bytes),
    };
  }

  #append(bytes: Uint8Array): void {
    this.#isMidLine = bytes.at(-1) !== lineFeed;
    this.#take(bytes);
  }
}

function lineHead(start: Uint8Array): Uint8Array {
  let end = start.length;
  if (end > 0 && start[end - 1] === lineFeed) end--;
  if (end > 0 && start[end - 1] === carriageReturn) end--;
  return start.subarray(0, Math.min(end, headBytesMax));
}
