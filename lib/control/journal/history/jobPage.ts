/**
 * One page of a list of jobs, newest first. The work per page is bounded: if few jobs match, the
 * page ends before it is full, and the next one continues.
 */
import type { Database } from "../../../store/sqlite.ts";
import type { StoredJob } from "../../core/model.ts";
import { type PackedId, packId } from "../index/packId.ts";
import { type JobRow, toJob } from "../index/rows.ts";
import type { JobPage, JobsQuery } from "../jobQuery.ts";
import { catchUp, isIndexable } from "./historyIndex.ts";
import { listParts } from "./indexPartitions.ts";
import { type ScanInput, scanIndex } from "./indexScan.ts";
import { splitTerms } from "./searchTerms.ts";

/** The maximum number of candidates per page, and how many an empty window counts for. */
const effortMax = 10_000;
const windowEffort = 2_500;
const chunkMax = 500;

export class JobPages {
  readonly #place: ScanInput;
  readonly #indexHistory: () => boolean;
  readonly #job;

  /** @param indexHistory adds a few more rows to the index of the history */
  constructor(db: Database, indexHistory: () => boolean) {
    this.#place = { db, parts: listParts(db), statements: new Map() };
    this.#indexHistory = indexHistory;
    this.#job = db.prepare<[PackedId], JobRow>("SELECT * FROM jobs WHERE job_id = ?");
  }

  /**
   * Returns a page of jobs.
   *
   * @throws {WsctlError} MALFORMED if the search has no words, UNAVAILABLE if the index is far
   *   behind
   */
  page(query: JobsQuery): JobPage {
    const { search } = query;
    const words = search === undefined ? [] : splitTerms(search);
    if (isIndexable(query)) catchUp(this.#indexHistory);
    return this.#place.db.snapshot(() => this.#scan(query, words));
  }

  #scan(query: JobsQuery, words: readonly string[]): JobPage {
    const { limit } = query;
    const candidates = scanIndex(this.#place, query, words);
    const jobs: StoredJob[] = [];
    let effort = 0;
    let current: string | undefined;
    let isTaken = false;
    let chunk = limit + 1;
    for (;;) {
      const rows = candidates.next(chunk);
      for (const { job_id: jobId, created_at: createdAt, is_wanted: isWanted } of rows) {
        if (jobId !== current) {
          const isFull = jobs.length === limit || effort >= effortMax;
          if (isFull && current !== undefined) return { jobs, next: current };
          if (createdAt < (query.since ?? 0)) return { jobs };
          current = jobId;
          isTaken = false;
        }
        effort++;
        if (isWanted === 0 || isTaken) continue;
        isTaken = true;
        const row = this.#job.get(packId(jobId));
        if (row !== undefined) jobs.push(toJob(row));
      }
      if (rows.length === chunk) {
        chunk = chunkMax;
        continue;
      }
      const boundary = candidates.nextWindow();
      if (boundary === undefined) return { jobs };
      effort += windowEffort;
      if (effort >= effortMax || jobs.length === limit) return { jobs, next: boundary };
      current = undefined;
    }
  }
}
