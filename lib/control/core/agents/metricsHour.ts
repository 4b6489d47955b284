/**
 * One agent's metrics of one hour, minute by minute: numbers in a row, small enough to keep for
 * everyone. Of several in one minute the latest counts.
 */
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
const minutes = 60;

export interface MetricsSample {
  /** Of the minute's beginning, in milliseconds since 1970. */
  at: number;
  cpuPercent: number;
  memoryBytes: number;
}

export class MetricsHour {
  /** Hours since 1970. */
  readonly number: number;
  /** By minute CPU in percent, then by minute memory in bytes; NaN where nothing is known. */
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

  /** Oldest first; minutes of which nothing is known are left out. */
  samples(): MetricsSample[] {
    return Array.from({ length: minutes }, (_, minute) => ({
      at: this.number * hourMs + minute * minuteMs,
      cpuPercent: this.#values[minute] ?? Number.NaN,
      memoryBytes: this.#values[minutes + minute] ?? Number.NaN,
    })).filter(({ cpuPercent }) => !Number.isNaN(cpuPercent));
  }

  /** As they are stored. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#values.slice().buffer);
  }
}
