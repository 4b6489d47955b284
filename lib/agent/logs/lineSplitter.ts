/**
 * Splits a stream of bytes into lines, in constant memory for lines of any length. A line is
 * selected or not by its first bytes, and then passed on in pieces.
 */

/** The number of bytes of a line that the filter gets. */
export const headBytesMax = 64 * 1024;

export interface LineSink {
  /**
   * Whether a line is selected. It gets the first bytes, at most `headBytesMax`, without the line
   * end.
   */
  accepts(head: Uint8Array): boolean;
  /** Handles further bytes of selected lines with their line feeds; valid only during the call. */
  append(bytes: Uint8Array): void;
}

const lineFeed = 10;
const carriageReturn = 13;

export class LineSplitter {
  readonly #taker: LineSink;
  /** The beginning of a line that is not complete enough for the filter. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Whether the current line is selected; undefined while its beginning is incomplete. */
  #verdict: boolean | undefined;
  #wanted = 0;
  /** The number of bytes before the current piece. */
  #before = 0;
  #lineStart = 0;

  constructor(sink: LineSink) {
    this.#taker = sink;
  }

  /** The number of selected lines so far. */
  get wanted(): number {
    return this.#wanted;
  }

  /** The offset of the current line from the first byte. */
  get lineStart(): number {
    return this.#lineStart;
  }

  push(bytes: Uint8Array): void {
    // Consecutive selected lines are passed on in one call.
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

  /** Passes on the last line if it has no line feed. */
  end(): void {
    if (this.#heldBytes > 0) this.#release();
    this.#verdict = undefined;
  }

  /**
   * Handles a line or a part of one: returns false if it is not selected, or was already passed on.
   */
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

  /** Keeps the beginning of a line that arrives in several pieces. */
  #keepPending(piece: Uint8Array, isEnd: boolean): void {
    // The data is copied, because the caller may reuse its buffer.
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

/**
 * Merges the lines of several inputs: an incomplete line of one input is ended before the next
 * input.
 */
export class LineMerger {
  readonly #take: (bytes: Uint8Array) => void;
  #isMidLine: boolean;

  constructor(take: (bytes: Uint8Array) => void, isMidLine = false) {
    this.#take = take;
    this.#isMidLine = isMidLine;
  }

  /** Returns the sink for the lines of one input. */
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
