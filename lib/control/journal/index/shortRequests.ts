/**
 * Requests that were created and have ended among facts that the index does not have yet. They are
 * written once, with their outcome, in place of a row that is updated: a short request costs half.
 */
import type { Database } from "../../../store/sqlite.ts";
import type { Job, OpenRequest, Outcome } from "../../core/model.ts";
import type { ControlFact } from "../entries.ts";
import type { ParsedBatch } from "../feed/journalIndex.ts";
import { type PackedId, packId } from "./packId.ts";
import {
  insertSql,
  jobColumns,
  jobValues,
  keyTakenSql,
  outcomeColumns,
  outcomeValues,
  requestColumns,
  requestValues,
} from "./values.ts";

/** An outcome with the sequence of its entry. */
export interface Ending {
  outcome: Outcome;
  sequence: number;
}

/** Returns the endings by request, for jobs of one request about which there is no other fact. */
export function shortRequests(batches: readonly ParsedBatch[]): Map<string, Ending> {
  const created = new Set<string>();
  const endings = new Map<string, Ending>();
  for (const { facts, place } of batches) {
    for (let at = 0; at < facts.length; at++) {
      const fact = facts[at] as ControlFact;
      if (fact.type === "job_created") {
        const [request, ...others] = fact.requests;
        if (request !== undefined && others.length === 0) created.add(request.requestId);
      } else if (fact.type === "request_ended") {
        const { outcome } = fact;
        if (!created.has(outcome.requestId) || endings.has(outcome.requestId)) continue;
        endings.set(outcome.requestId, { outcome, sequence: place.sequence + at });
      } else if (fact.type === "request_sent" || fact.type === "batch_started") {
        created.delete(fact.request_id);
        endings.delete(fact.request_id);
      }
    }
  }
  return endings;
}

/** Writes jobs of one request that have ended. */
export class EndedJobWriter {
  readonly #keyTaken;
  readonly #job;
  readonly #request;

  constructor(db: Database) {
    this.#keyTaken = db.prepare<[string, PackedId]>(keyTakenSql);
    const columns = jobColumns.concat("ended", "succeeded");
    this.#job = db.prepare(insertSql("jobs", columns, "job_id"));
    const ended = requestColumns.concat(outcomeColumns.slice(1));
    this.#request = db.prepare(insertSql("requests", ended, "request_id"));
  }

  /** Returns false if the index has the job already: nothing is written then. */
  add(job: Job, request: OpenRequest, { outcome, sequence }: Ending): boolean {
    const { idempotency, jobId } = job;
    if (idempotency !== undefined) this.#keyTaken.run(idempotency.key, packId(jobId));
    const succeeded = outcome.outcome === "success" ? 1 : 0;
    if (this.#job.run(...jobValues(job, 1), 1, succeeded) === 0) return false;
    const [state = null, ...ended] = outcomeValues(outcome, sequence);
    const [id = null, ofJob = null, agent = null, , ...rest] = requestValues(request);
    this.#request.run(id, ofJob, agent, state, ...rest, ...ended);
    return true;
  }
}
