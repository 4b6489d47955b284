/**
 * Writes agents' metrics to disk every few minutes. Minutes are kept for a day and hours for a
 * month. Metrics never delay or fail other work; a crash loses some minutes.
 */
import type { Log } from "../../log/log.ts";
import { errorText } from "../../protocol/errors.ts";
import { metricsHoursRetention, metricsMinutesRetentionHours } from "../../protocol/limits.ts";
import type { Clock } from "../../time/clock.ts";
import { hourMs } from "../core/agents/metricsHour.ts";
import type { Engine } from "../engine/engine.ts";

const writeMs = 5 * 60_000;
/** Rows per transaction, so that no other write waits long. */
const stepRows = 500;

export class MetricsWriter {
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

  /** Writes the remaining metrics. */
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
    const { metrics } = this.#engine.journal;
    try {
      for (;;) {
        const changed = this.#engine.core.registry.metrics.take(stepRows);
        if (changed.length === 0) break;
        metrics.put(changed);
        await this.#yieldToEventLoop();
      }
      const hour = Math.floor(this.#engine.time.now() / hourMs);
      while (metrics.pruneMinutes(hour - metricsMinutesRetentionHours, stepRows) === stepRows) {
        await this.#yieldToEventLoop();
      }
      while (metrics.pruneHours(hour - metricsHoursRetention, stepRows) === stepRows) {
        await this.#yieldToEventLoop();
      }
    } catch (error) {
      this.#log.warn(`Cannot store the agents' metrics: ${errorText(error)}`);
    }
  }

  #yieldToEventLoop(): Promise<void> {
    return new Promise((resolve) => this.#clock.defer(resolve));
  }
}
