/** Jobs that were submitted to the core and are not on disk or rejected yet. */
import type { SkippedAgent } from "../../protocol/api/target.ts";
import type { RequestDraft, StoredJob } from "../core/model.ts";

/** A job that is on disk, with its requests. */
export interface AcceptedJob {
  job: StoredJob;
  requests: readonly RequestDraft[];
  /** Selected agents that get no request. */
  skipped?: SkippedAgent[];
}

/** Reports the result of a submission. Exactly one of the two methods is called, once. */
export interface Completion {
  /** The job is durable. */
  accepted(accepted: AcceptedJob): void;
  refused(error: unknown): void;
}

export class PendingSubmissions {
  readonly #waiting = new Map<string, Completion[]>();

  add(jobId: string, completion: Completion): void {
    const waiting = this.#waiting.get(jobId);
    if (waiting === undefined) this.#waiting.set(jobId, [completion]);
    else waiting.push(completion);
  }

  accept(accepted: AcceptedJob): void {
    for (const completion of this.#take(accepted.job.jobId)) completion.accepted(accepted);
  }

  fail(jobId: string, error: unknown): void {
    for (const completion of this.#take(jobId)) completion.refused(error);
  }

  #take(jobId: string): Completion[] {
    const waiting = this.#waiting.get(jobId) ?? [];
    this.#waiting.delete(jobId);
    return waiting;
  }
}
