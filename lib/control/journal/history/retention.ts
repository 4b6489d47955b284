/**
 * Prunes jobs that ended long ago, with their requests and index entries, oldest first. Each step
 * is a transaction over a limited number of requests. The first step hides a job that is larger
 * than a step; after a crash the next process continues.
 */
import { dedupAfterTtlMs } from "../../../protocol/limits.ts";
import type { Database } from "../../../store/sqlite.ts";
import { readOptions } from "../index/jobTexts.ts";
import { type PackedId, packId, unpackId } from "../index/packId.ts";
import type { HistoryIndex } from "./historyIndex.ts";

/** Times in milliseconds since 1970. */
export interface RetentionPolicy {
  now: number;
  /** Jobs created before this time are pruned. */
  before: number;
  /** Requests beyond this number are pruned, oldest first. */
  requestsMax: number;
  /** Jobs created or ended since this time are kept in any case. */
  floor: number;
}

export interface PruneResult {
  jobs: number;
  requests: number;
  /** Pass this to the next step. Absent when nothing is left to do. */
  next?: string;
}

interface Row {
  job_id: PackedId;
  created_at: number;
  total: number;
  ended: number;
  is_pruned: number;
  options: string | null;
}

/** The range of a job's requests, and when the last of them ended. */
interface Extent {
  first: number | null;
  last: number | null;
  outcome: number | null;
  ended_at: number | null;
}

const stepRequests = 50;
const stepJobs = 100;

export class Retention {
  readonly #db: Database;
  readonly #index: HistoryIndex;
  readonly #oldest;
  readonly #newestPlace;
  readonly #newestJob;
  readonly #extent;
  readonly #artifactOfFew;
  readonly #artifactOfMany;
  readonly #hide;
  readonly #places;
  readonly #removeRequest;
  readonly #removeOutcome;
  readonly #removeJob;

  constructor(db: Database, index: HistoryIndex) {
    this.#db = db;
    this.#index = index;
    this.#oldest = db.prepare<[PackedId, number], Row>(
      `SELECT job_id, created_at, total, ended, is_pruned, options FROM jobs
         WHERE job_id > ? ORDER BY job_id LIMIT ?`,
    );
    this.#newestPlace = db.prepare<[], { place: number | null; job_id: PackedId | null }>(
      "SELECT max(rowid) AS place, job_id FROM requests",
    );
    this.#newestJob = db.prepare<[], { job_id: PackedId | null }>(
      "SELECT max(job_id) AS job_id FROM jobs",
    );
    this.#extent = db.prepare<[PackedId], Extent>(
      `SELECT min(rowid) AS first, max(rowid) AS last, max(sequence) AS outcome,
         max(ended_at) AS ended_at FROM requests WHERE job_id = ?`,
    );
    const artifact = (from: string) =>
      `SELECT 1 AS one FROM ${from} WHERE r.job_id = ? AND a.request_id IS NOT NULL LIMIT 1`;
    this.#artifactOfFew = db.prepare<[PackedId], { one: number }>(
      artifact(
        "requests AS r CROSS JOIN artifacts AS a ON coalesce(a.request_id, '') = r.request_id",
      ),
    );
    this.#artifactOfMany = db.prepare<[PackedId], { one: number }>(
      artifact("artifacts AS a CROSS JOIN requests AS r ON r.request_id = a.request_id"),
    );
    // Releases its Idempotency-Key, which would otherwise conflict with an invisible job.
    this.#hide = db.prepare<[PackedId]>(
      "UPDATE jobs SET is_pruned = 1, idempotency_key = NULL WHERE job_id = ?",
    );
    this.#places = db.prepare<[PackedId, number], { place: number }>(
      "SELECT rowid AS place FROM requests WHERE job_id = ? ORDER BY sequence LIMIT ?",
    );
    this.#removeRequest = db.prepare<[number]>("DELETE FROM requests WHERE rowid = ?");
    this.#removeOutcome = db.prepare<[PackedId]>(
      `DELETE FROM job_outcomes WHERE job_id = ? AND outcome IN
         ('success', 'failed', 'error', 'expired', 'cancelled', 'lost')`,
    );
    this.#removeJob = db.prepare<[PackedId]>("DELETE FROM jobs WHERE job_id = ?");
  }

  /** @param after The `next` of the previous step; empty for the first one. */
  step(keep: RetentionPolicy, after: string): PruneResult {
    const { place = 0, job_id: lastJob } = this.#newestPlace.get() ?? { job_id: null };
    // The newest ones are always kept, because the next ids are computed from them.
    const newest = [lastJob, this.#newestJob.get()?.job_id].map((id) => unpackId(id ?? ""));
    const rows = this.#oldest.all(packId(after), stepJobs);
    const going: Row[] = [];
    let requests = 0;
    let next: string | undefined = after;
    for (const row of rows) {
      if (requests >= stepRequests) break;
      if (row.is_pruned === 0 && !this.#isOld(row, keep, place ?? 0)) {
        next = undefined;
        break;
      }
      next = unpackId(row.job_id);
      if (newest.includes(next) || !this.#canPrune(row, keep)) continue;
      going.push(row);
      requests += row.total;
    }
    const isWhole = rows.length < stepJobs && next === idOf(rows.at(-1));
    const pruned = going.length === 0 ? { jobs: 0, requests: 0 } : this.#remove(going);
    // The last job may be too large for one step and is continued in the next.
    const isLeft = going.length > pruned.jobs;
    if (isLeft) {
      return { ...pruned, next: idOf(rows[rows.indexOf(going.at(-1) as Row) - 1]) ?? after };
    }
    return next === undefined || rows.length === 0 || isWhole ? pruned : { ...pruned, next };
  }

  #isOld({ job_id, created_at }: Row, keep: RetentionPolicy, newestPlace: number): boolean {
    if (created_at >= keep.floor) return false;
    if (created_at < keep.before) return true;
    const first = this.#extent.get(job_id)?.first ?? 0;
    return first <= newestPlace - keep.requestsMax;
  }

  /**
   * Whether a job has ended long ago, cannot be repeated any more, has no stored result, and is
   * indexed.
   */
  #canPrune(
    { job_id, ended, total, is_pruned, options }: Row,
    { now, floor }: RetentionPolicy,
  ): boolean {
    if (is_pruned === 1) return true;
    if (ended < total) return false;
    const { notAfter } = readOptions(options);
    if (notAfter !== undefined && Date.parse(notAfter) + dedupAfterTtlMs >= now) return false;
    const { last, outcome, ended_at } = this.#extent.get(job_id) as Extent;
    if ((ended_at ?? 0) >= floor) return false;
    const { requestsThrough, outcomesThrough } = this.#index;
    if ((last ?? 0) > requestsThrough || (outcome ?? 0) > outcomesThrough) return false;
    const artifact = total <= stepRequests ? this.#artifactOfFew : this.#artifactOfMany;
    return artifact.get(job_id) === undefined;
  }

  /** Removes the jobs; the last one may take several steps. */
  #remove(rows: readonly Row[]): { jobs: number; requests: number } {
    const pruned = { jobs: 0, requests: 0 };
    this.#db.transaction(() => {
      for (const { job_id: jobId, total } of rows) {
        const room = Math.min(total, stepRequests) + 1;
        const places = this.#places.all(jobId, room);
        for (const { place } of places) this.#removeRequest.run(place);
        pruned.requests += places.length;
        if (places.length === room) this.#hide.run(jobId);
        else {
          this.#removeOutcome.run(jobId);
          this.#removeJob.run(jobId);
          pruned.jobs++;
        }
      }
    });
    return pruned;
  }
}

function idOf(row: Row | undefined): string | undefined {
  return row === undefined ? undefined : unpackId(row.job_id);
}
