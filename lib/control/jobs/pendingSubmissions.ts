/** Orders that have been handed to the core and wait to be on disk, or to be refused. */
import type { WantedRequest } from "../core/model.ts";
import type { StoredJob } from "../journal/journal.ts";

/** A job that is on disk, and what was asked of whom. */
export interface Accepted {
  job: StoredJob;
  requests: readonly WantedRequest[];
}

/** How whoever gave an order learns what became of it; one of the two is called, once. */
export interface Settle {
  /** The job is durable. */
  accepted(accepted: Accepted): void;
  refused(error: unknown): void;
}

export class Submissions {
  readonly #waiting = new Map<string, Settle[]>();

  add(jobId: string, settle: Settle): void {
    const waiting = this.#waiting.get(jobId);
    if (waiting === undefined) this.#waiting.set(jobId, [settle]);
    else waiting.push(settle);
  }

  accept(accepted: Accepted): void {
    for (const settle of this.#take(accepted.job.jobId)) settle.accepted(accepted);
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
