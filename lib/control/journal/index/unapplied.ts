/**
 * Facts that are in the log and not yet in the index. They are written together a moment later, so
 * that many commits cost one transaction. A read of what they are about has them written first.
 */
import type { EntryPlace } from "../../../store/log/segments.ts";
import type { ControlFact } from "../entries.ts";

export interface UnappliedBatch {
  facts: readonly ControlFact[];
  place: EntryPlace;
}

export class UnappliedFacts {
  #batches: UnappliedBatch[] = [];
  #factCount = 0;
  /** The ids of jobs and requests, and the idempotency keys, that the facts are about. */
  readonly #ids = new Set<string>();
  /** Requests that were created or ended, and whether they are open. */
  readonly #isOpen = new Map<string, boolean>();
  /** A fact names a request, and its job is not known here. */
  #isAnyJob = false;

  get factCount(): number {
    return this.#factCount;
  }

  add(batch: UnappliedBatch): void {
    this.#batches.push(batch);
    for (const fact of batch.facts) this.#note(fact);
  }

  /** Whether something is missing in the index that is about this job, request or key. */
  isAbout(id: string): boolean {
    return this.#factCount > 0 && (this.#isAnyJob || this.#ids.has(id));
  }

  /** Whether a request is open; undefined if the index knows it. */
  isOpen(requestId: string): boolean | undefined {
    return this.#isOpen.get(requestId);
  }

  /** Returns the batches, oldest first, and forgets them. */
  take(): UnappliedBatch[] {
    const batches = this.#batches;
    this.#batches = [];
    this.#factCount = 0;
    this.#ids.clear();
    this.#isOpen.clear();
    this.#isAnyJob = false;
    return batches;
  }

  #note(fact: ControlFact): void {
    this.#factCount++;
    if (fact.type === "job_created") {
      const { jobId, idempotency } = fact.job;
      this.#ids.add(jobId);
      if (idempotency !== undefined) this.#ids.add(idempotency.key);
      for (const { requestId } of fact.requests) {
        this.#ids.add(requestId);
        this.#isOpen.set(requestId, true);
      }
      this.#factCount += fact.requests.length;
    } else if (fact.type === "request_ended") {
      this.#ids.add(fact.outcome.jobId);
      this.#ids.add(fact.outcome.requestId);
      this.#isOpen.set(fact.outcome.requestId, false);
    } else this.#isAnyJob = true;
  }
}
