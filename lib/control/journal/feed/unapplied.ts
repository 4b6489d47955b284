/**
 * Facts that are in the log and not yet in the index, and what they are about. They are written
 * together a moment later, so that many commits cost one transaction.
 */
import type { ControlFact } from "../entries.ts";
import type { FactBatch, ParsedBatch } from "./journalIndex.ts";

export type UnappliedBatch = FactBatch & ParsedBatch;

export class UnappliedFacts {
  readonly #batches: UnappliedBatch[] = [];
  #factCount = 0;
  #chars = 0;
  /** The ids of jobs and requests that the facts are about. */
  readonly #ids = new Set<string>();
  /** The idempotency keys of new jobs. */
  readonly #keys = new Set<string>();
  /** A fact names a request, and its job is not known here. */
  #isAnyJob = false;
  #isAboutTables = false;
  #hasNewJob = false;

  /** Whether a fact is about what is in a table of its own, such as a token. */
  get isAboutTables(): boolean {
    return this.#isAboutTables;
  }

  get factCount(): number {
    return this.#factCount;
  }

  /** The length of the entries. */
  get chars(): number {
    return this.#chars;
  }

  add(batch: UnappliedBatch): void {
    this.#batches.push(batch);
    for (const line of batch.lines) this.#chars += line.length;
    for (const fact of batch.facts) this.#note(fact);
  }

  get hasNewJob(): boolean {
    return this.#hasNewJob;
  }

  /** Whether a new job has this idempotency key. */
  hasKey(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Whether something is missing in the index that is about this job or request. */
  isAbout(id: string): boolean {
    return this.#factCount > 0 && (this.#isAnyJob || this.#ids.has(id));
  }

  /** Oldest first. */
  get batches(): readonly UnappliedBatch[] {
    return this.#batches;
  }

  #note(fact: ControlFact): void {
    this.#factCount++;
    switch (fact.type) {
      case "job_created": {
        const { jobId, idempotency } = fact.job;
        this.#hasNewJob = true;
        this.#ids.add(jobId);
        if (idempotency !== undefined) this.#keys.add(idempotency.key);
        for (const { requestId } of fact.requests) this.#ids.add(requestId);
        this.#factCount += fact.requests.length;
        return;
      }
      case "request_ended":
        this.#ids.add(fact.outcome.jobId);
        this.#ids.add(fact.outcome.requestId);
        return;
      case "job_cancelled":
      case "job_approved":
      case "job_paused":
        this.#ids.add(fact.job_id);
        return;
      case "request_sent":
      case "batch_started":
        this.#isAnyJob = true;
        return;
      case "agent_stored":
      case "agent_removed":
      case "action_recorded":
      case "event_recorded":
        return;
      default:
        this.#isAboutTables = true;
    }
  }
}
