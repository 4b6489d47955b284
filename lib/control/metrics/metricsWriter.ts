/**
 * Agents' figures on disk: what has changed is written every few minutes, minutes are kept for a
 * day and hours for a month. They are worth no wait and no failure: what a crash takes are minutes.
 */
import type { Log } from "../../log/log.ts";
import { errorText } from "../../protocol/errors.ts";
import { figureHoursKept, figureMinutesKeptHours } from "../../protocol/limits.ts";
import type { Clock } from "../../time/clock.ts";
import { hourMs } from "../core/agents/metricsHour.ts";
import type { Engine } from "../engine/engine.ts";

const writeMs = 5 * 60_000;
/** Rows in one transaction: nobody waits long for it. */
const stepRows = 500;

export class FigureKeeper {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  #cancel = () => {};
  #isClosed = false;

  constructor(engine: Engine, clock: Clock, log: Log) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#later();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#write();
  }

  #later(): void {
    this.#cancel = this.#clock.after(writeMs, () => {
      void this.#write().then(() => {
        if (!this.#isClosed) this.#later();
      });
    });
  }

  async #write(): Promise<void> {
    const { figures } = this.#engine.journal;
    try {
      for (;;) {
        const changed = this.#engine.core.fleet.figures.take(stepRows);
        if (changed.length === 0) break;
        figures.put(changed);
        await this.#breathe();
      }
      const hour = Math.floor(this.#clock.now() / hourMs);
      while (figures.forgetMinutes(hour - figureMinutesKeptHours, stepRows) === stepRows) {
        await this.#breathe();
      }
      while (figures.forgetHours(hour - figureHoursKept, stepRows) === stepRows) {
        await this.#breathe();
      }
    } catch (error) {
      this.#log.warn(`Cannot keep the agents' figures: ${errorText(error)}`);
    }
  }

  #breathe(): Promise<void> {
    return new Promise((resolve) => this.#clock.soon(resolve));
  }
}
