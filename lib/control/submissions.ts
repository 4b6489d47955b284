/** Orders that have been handed to the core and wait to be on disk, or to be refused. */
import type { StoredJob } from "./journal.ts";

/** How whoever gave an order learns what became of it; one of the two is called, once. */
export interface Settle {
  /** The job is durable. */
  accepted(job: StoredJob): void;
  refused(error: unknown): void;
}

export class Submissions {
  readonly #waiting = new Map<string, Settle[]>();

  add(jobId: string, settle: Settle): void {
    const waiting = this.#waiting.get(jobId);
    if (waiting === undefined) this.#waiting.set(jobId, [settle]);
    else waiting.push(settle);
  }

  accept(job: StoredJob): void {
    for (const settle of this.#take(job.jobId)) settle.accepted(job);
  }

  refuse(jobId: string, error: unknown): void {
    for (const settle of this.#take(jobId)) settle.refused(error);
  }

  #take(jobId: string): Settle[] {
    const waiting = this.#waiting.get(jobId) ?? [];
    this.#waiting.delete(jobId);
    return waiting;
  }
}
