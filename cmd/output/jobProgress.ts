/**
 * How far a job has come, for a person at a terminal: done, failed and waiting, how fast, and how
 * long it may take. One line on stderr below what is printed; a program sees nothing.
 */
import { clearLine, drawMs, type StatusLine, terminalLine } from "./statusLine.ts";

/** A job for fewer is told by its answers alone. */
const totalMin = 2;

export function terminalJobProgress(): JobProgress {
  return new JobProgress(terminalLine());
}

export class JobProgress {
  readonly #options: StatusLine;
  #total = 0;
  #done = 0;
  #failed = 0;
  #begunAt = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(options: StatusLine) {
    this.#options = options;
  }

  begin(total: number): void {
    this.#total = total;
    this.#begunAt = this.#options.now();
    this.draw();
  }

  ended(isSuccess: boolean): void {
    this.#done++;
    if (!isSuccess) this.#failed++;
  }

  /** Before anything is printed. */
  clearLine(): void {
    if (!this.#isDrawn) return;
    this.#options.write(clearLine);
    this.#isDrawn = false;
  }

  /** After something was printed: anew where it was wiped, otherwise not too often. */
  draw(): void {
    const { isShown, write, columns, now } = this.#options;
    const isOver = this.#done >= this.#total;
    if (!isShown || this.#total < totalMin || isOver) return;
    if (this.#isDrawn && now() - this.#drawnAt < drawMs) return;
    this.#drawnAt = now();
    write(`${clearLine}${this.text().slice(0, columns() - 1)}`);
    this.#isDrawn = true;
  }

  text(): string {
    const waiting = this.#total - this.#done;
    const seconds = (this.#options.now() - this.#begunAt) / 1000;
    const rate = seconds > 0 ? this.#done / seconds : 0;
    const parts = [
      `${this.#done} of ${this.#total} done`,
      ...(this.#failed === 0 ? [] : [`${this.#failed} failed`]),
      `${waiting} waiting`,
      ...(this.#done === 0
        ? []
        : [`${formatRate(rate)}/s`, `about ${formatRemaining(waiting / rate)} left`]),
    ];
    return parts.join(", ");
  }
}

function formatRate(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : `${Math.round(rate)}`;
}

function formatRemaining(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}
