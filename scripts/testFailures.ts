/** The reasons of the tests that failed, gathered from the output of a run to be shown at its end. */

/** The lines kept for one failure: the last ones, because the error stands right above its name. */
const linesKept = 40;
/** A reader looks at the first failures; the whole output has all of them. */
const failuresKept = 20;

export class TestFailures {
  readonly #decoder = new TextDecoder();
  readonly #failures: string[][] = [];
  /** Lines since the last test ended. */
  #lines: string[] = [];
  #rest = "";
  #left = 0;

  read(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#readLine(line);
  }

  #readLine(line: string): void {
    if (/^\d+ tests? failed:$/.test(line)) this.#left = Number.parseInt(line, 10);
    if (this.#left > 0) return;
    const isFailure = line.startsWith("(fail) ");
    if (isFailure || /^\((pass|skip|todo)\) /.test(line)) {
      if (isFailure && this.#failures.length < failuresKept)
        this.#failures.push([...this.#lines, line]);
      this.#lines = [];
      return;
    }
    this.#lines.push(line);
    if (this.#lines.length > linesKept) this.#lines.shift();
  }

  get count(): number {
    return this.#failures.length;
  }

  summary(): string {
    return this.#failures.map((lines) => lines.join("\n")).join("\n\n");
  }
}
