/**
 * A small terminal: turns what a program writes to a pseudo-terminal into lines of coloured text.
 * It knows what `wsctl` uses: line feeds, carriage returns, colours, moves, and erasing.
 */

export interface Span {
  text: string;
  /** An SGR colour such as 32, or undefined for the default. */
  colour: number | undefined;
  isBold: boolean;
  isDim: boolean;
}

interface Cell extends Omit<Span, "text"> {
  char: string;
}

const plain = { colour: undefined, isBold: false, isDim: false };

export class Screen {
  #lines: Cell[][] = [[]];
  #row = 0;
  #column = 0;
  #style: Omit<Cell, "char"> = plain;
  readonly #columns: number;
  readonly #rows: number;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  write(text: string): void {
    for (const token of text.match(/\x1b\[[?0-9;]*[A-Za-z]|\x1b[78]|[\s\S]/gu) ?? []) {
      if (token.startsWith("\x1b[")) this.#control(token);
      else if (token === "\n") this.#newLine();
      else if (token === "\r") this.#column = 0;
      else if (token === "\b") this.#column = Math.max(0, this.#column - 1);
      else if (token >= " ") this.#put(token);
    }
  }

  /** The lines that fit the screen, from the top. */
  snapshot(): Span[][] {
    const lines = this.#lines.slice(-this.#rows).map(spansOf);
    while (lines.length < this.#rows) lines.push([]);
    return lines;
  }

  #put(char: string): void {
    if (this.#column >= this.#columns) this.#newLine();
    const line = this.#lines[this.#row] ?? [];
    while (line.length < this.#column) line.push({ char: " ", ...plain });
    line[this.#column] = { char, ...this.#style };
    this.#column++;
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    if (this.#lines.length <= this.#row) this.#lines.push([]);
  }

  #control(token: string): void {
    const final = token.at(-1);
    const numbers = token.slice(2, -1).split(";").map(Number);
    const [count = 0] = numbers;
    const by = Math.max(1, count);
    if (final === "m") this.#restyle(numbers);
    else if (final === "A") this.#row = Math.max(0, this.#row - by);
    else if (final === "C") this.#column += by;
    else if (final === "D") this.#column = Math.max(0, this.#column - by);
    else if (final === "G") this.#column = by - 1;
    else if (final === "K") this.#erase(count);
    else if (final === "J") this.#lines.splice(this.#row + 1);
    if (final === "J") this.#erase(0);
  }

  #erase(mode: number): void {
    const line = this.#lines[this.#row] ?? [];
    if (mode === 2) line.splice(0);
    else if (mode === 0) line.splice(this.#column);
  }

  #restyle(numbers: number[]): void {
    for (const number of numbers) {
      if (number === 0) this.#style = plain;
      else if (number === 1) this.#style = { ...this.#style, isBold: true };
      else if (number === 2) this.#style = { ...this.#style, isDim: true };
      else if (number === 22) this.#style = { ...this.#style, isBold: false, isDim: false };
      else if (number === 39) this.#style = { ...this.#style, colour: undefined };
      else if (number >= 30 && number <= 97) this.#style = { ...this.#style, colour: number };
    }
  }
}

function spansOf(line: Cell[]): Span[] {
  const spans: Span[] = [];
  for (const { char, ...style } of line) {
    const last = spans.at(-1);
    const isSame =
      last?.colour === style.colour && last?.isBold === style.isBold && last?.isDim === style.isDim;
    if (last !== undefined && isSame) last.text += char;
    else spans.push({ text: char, ...style });
  }
  return spans;
}
