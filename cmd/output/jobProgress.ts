/**
 * Shows the progress of a job at a terminal: done, failed and waiting requests, the rate, and the
 * remaining time. It is one line on stderr below the output; without a terminal nothing is shown.
 */
import { clearLine, drawMs, type StatusLine, terminalLine } from "./statusLine.ts";

/** For fewer requests, the outcomes themselves show the progress. */
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

  /** Whether a line of this progress stands below the output. */
  get hasStatusLine(): boolean {
    return this.#options.isShown && this.#total >= totalMin;
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

  /** Must be called before other output. */
  clearLine(): void {
    if (!this.#isDrawn) return;
    this.#options.write(clearLine);
    this.#isDrawn = false;
  }

  /**
   * Must be called after other output. It draws again if the line was cleared, otherwise at
   * intervals.
   */
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
