/** The latest status figures of one agent: a ring of numbers, small enough to keep for everyone. */
import { statusHistoryMax } from "../protocol/limits.ts";

const fields = 3;

export interface Sample {
  /** Milliseconds since 1970. */
  at: number;
  cpuPercent: number;
  memoryBytes: number;
}

export class StatusHistory {
  readonly #ring = new Float64Array(statusHistoryMax * fields);
  #count = 0;

  add(at: number, cpuPercent: number, memoryBytes: number): void {
    this.#ring.set([at, cpuPercent, memoryBytes], (this.#count % statusHistoryMax) * fields);
    this.#count++;
  }

  /** Oldest first. */
  samples(): Sample[] {
    const kept = Math.min(this.#count, statusHistoryMax);
    return Array.from({ length: kept }, (_, index) => {
      const from = ((this.#count - kept + index) % statusHistoryMax) * fields;
      const [at = 0, cpuPercent = 0, memoryBytes = 0] = this.#ring.subarray(from, from + fields);
      return { at, cpuPercent, memoryBytes };
    });
  }
}
