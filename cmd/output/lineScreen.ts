/**
 * Writes lines that are not complete yet. At most one of them is open at a time: when another line
 * is written, the open one ends first.
 */
export interface LineScreenOptions {
  /** Writes text as it is. */
  write(text: string): void;
  /** Whether an open line can be written again, as at a terminal. */
  canRewrite: boolean;
}

/** A line that a program has begun. */
export interface OpenLine {
  /** The text so far, without control characters. */
  text: string;
  /** The length of the text that is already written. */
  shown: number;
  /** The program went back to the beginning of the line, so the text written before is replaced. */
  isReplaced: boolean;
}

const rewriteLine = "\r\x1b[K";

export class LineScreen {
  readonly #options: LineScreenOptions;
  #open: OpenLine | undefined;

  constructor(options: LineScreenOptions) {
    this.#options = options;
  }

  get canRewrite(): boolean {
    return this.#options.canRewrite;
  }

  /** Writes complete lines. */
  lines(text: string): void {
    this.close();
    this.#options.write(`${text}\n`);
  }

  /** Writes what is new of an open line. */
  show(line: OpenLine, prefix: string): void {
    const isOpen = this.#open === line;
    if (isOpen && line.isReplaced) this.#options.write(`${rewriteLine}${prefix}${line.text}`);
    else if (isOpen) this.#options.write(line.text.slice(line.shown));
    else {
      this.close();
      this.#options.write(`${prefix}${line.text.slice(line.shown)}`);
    }
    this.#open = line;
    line.shown = line.text.length;
    line.isReplaced = false;
  }

  /** Writes the rest of a line, and ends it. */
  end(line: OpenLine, prefix: string): void {
    const isWritten = line.shown === line.text.length && line.shown > 0 && !line.isReplaced;
    if (!isWritten) this.show(line, prefix);
    if (this.#open === line) this.close();
  }

  /** Ends the open line, before something else is written. */
  close(): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.#options.write("\n");
  }
}
