/** Logs an error that repeats: its first occurrence, then a count each minute, then its end. */
import type { Clock } from "../time/clock.ts";
import type { Log } from "./log.ts";

const summaryMs = 60_000;

export class FaultSeries {
  readonly #log: Log;
  readonly #clock: Pick<Clock, "after">;
  readonly #recovery: string;
  #cancelSummary: (() => void) | undefined;
  /** Since the last line. */
  #unsaid = 0;
  #total = 0;
  #text = "";

  /** @param recovery The line that is logged when the series has ended. */
  constructor(log: Log, clock: Pick<Clock, "after">, recovery: string) {
    this.#log = log;
    this.#clock = clock;
    this.#recovery = recovery;
  }

  failed(text: string): void {
    this.#total++;
    this.#text = text;
    if (this.#cancelSummary !== undefined) {
      this.#unsaid++;
      return;
    }
    this.#log.error(text);
    this.#scheduleSummary();
  }

  succeeded(): void {
    if (this.#total === 0) return;
    this.#cancelSummary?.();
    this.#cancelSummary = undefined;
    this.#log.info(this.#recovery, { failures: this.#total });
    this.#total = 0;
    this.#unsaid = 0;
  }

  /** Cancels the pending summary. */
  close(): void {
    this.#cancelSummary?.();
    this.#cancelSummary = undefined;
  }

  #scheduleSummary(): void {
    this.#cancelSummary = this.#clock.after(summaryMs, () => {
      if (this.#unsaid === 0) {
        // A next failure is logged at once.
        this.#cancelSummary = undefined;
        return;
      }
      this.#log.error(`${this.#text} (${this.#unsaid} more times within a minute)`);
      this.#unsaid = 0;
      this.#scheduleSummary();
    });
  }
}
