/**
 * Metrics of one agent for one hour, one sample per minute, in a compact array. Of several samples
 * in a minute the latest is kept.
 */
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
const minutes = 60;

export interface MetricsSample {
  /** The start of the minute, in milliseconds since 1970. */
  at: number;
  cpuPercent: number;
  memoryBytes: number;
}

export class MetricsHour {
  /** Hours since 1970. */
  readonly number: number;
  /**
   * CPU in percent for each minute, followed by memory in bytes for each minute; NaN means no
   * sample.
   */
  readonly #values: Float32Array;

  constructor(number: number, bytes?: Uint8Array) {
    this.number = number;
    this.#values =
      bytes === undefined
        ? new Float32Array(2 * minutes).fill(Number.NaN)
        : new Float32Array(new Uint8Array(bytes).buffer);
  }

  static parse(at: number): MetricsHour {
    return new MetricsHour(Math.floor(at / hourMs));
  }

  add(at: number, cpuPercent: number, memoryBytes: number): void {
    const minute = Math.floor(at / minuteMs) % minutes;
    this.#values[minute] = cpuPercent;
    this.#values[minutes + minute] = memoryBytes;
  }

  /** Returns the samples, oldest first. Minutes without a sample are omitted. */
  samples(): MetricsSample[] {
    return Array.from({ length: minutes }, (_, minute) => ({
      at: this.number * hourMs + minute * minuteMs,
      cpuPercent: this.#values[minute] ?? Number.NaN,
      memoryBytes: this.#values[minutes + minute] ?? Number.NaN,
    })).filter(({ cpuPercent }) => !Number.isNaN(cpuPercent));
  }

  /** Returns the stored representation. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#values.slice().buffer);
  }
}
