/**
 * Reads a whole log for what holds now: everything but the jobs that have ended. A control plane
 * serves with an index of that, while the whole index is built.
 */
import type { EntryPlace } from "../../../store/log/segments.ts";
import type { ControlFact } from "../entries.ts";
import { parseFact } from "../entries.ts";
import type { JournalIndex } from "../feed/journalIndex.ts";
import { Replay } from "./replay.ts";
import { TakenKeys } from "./takenKeys.ts";

interface KeptEntry {
  line: string;
  place: EntryPlace;
}

/** A job with requests that have not ended, as far as the log was read. */
interface OpenJob {
  entries: KeptEntry[];
  open: Set<string>;
}

/** How entries begin: `encodeFact` writes the type first. */
const begin = (type: ControlFact["type"]) => `{"type":"${type}"`;
const created = begin("job_created");
const ended = begin("request_ended");
const aboutRequest = [begin("request_sent"), begin("batch_started")];
const aboutJob = [begin("job_cancelled"), begin("job_approved"), begin("job_paused")];
/** They change nothing in the index. */
const unindexed = [begin("action_recorded"), begin("event_recorded")];

export class CurrentState {
  readonly #replay: Replay;
  readonly #jobs = new Map<string, OpenJob>();
  /** The job of each open request. */
  readonly #jobOf = new Map<string, string>();
  readonly #onProgress: ((entries: number) => void) | undefined;
  #lastJob: string | undefined;
  #count = 0;
  /** Those of jobs that have ended. */
  readonly takenKeys = new TakenKeys();

  /** @param onProgress takes how many entries were read so far */
  constructor(index: JournalIndex, onProgress?: (entries: number) => void) {
    this.#onProgress = onProgress;
    this.#replay = new Replay(index);
  }

  add(line: string, place: EntryPlace): void {
    this.#count++;
    if (this.#count % 10_000 === 0) this.#onProgress?.(this.#count);
    if (line.startsWith(created)) return this.#created(line, place);
    if (line.startsWith(ended)) return this.#ended(line, place);
    if (aboutRequest.some((start) => line.startsWith(start))) {
      const { request_id } = parseFact(line, place.sequence) as { request_id?: string };
      return this.#keep(this.#jobOf.get(request_id ?? ""), { line, place });
    }
    if (aboutJob.some((start) => line.startsWith(start))) {
      const { job_id } = parseFact(line, place.sequence) as { job_id?: string };
      return this.#keep(job_id, { line, place });
    }
    if (!unindexed.some((start) => line.startsWith(start))) this.#replay.add(line, place);
  }

  /** @param digest of the last batch of the log, whose sequence is `sequence` */
  finish(digest: Uint8Array, sequence: number): void {
    const kept = [...this.#jobs.values()].flatMap(({ entries }) => entries);
    kept.sort((a, b) => a.place.sequence - b.place.sequence);
    for (const { line, place } of kept) this.#replay.add(line, place);
    this.#replay.finish(digest, sequence);
  }

  #created(line: string, place: EntryPlace): void {
    const fact = parseFact(line, place.sequence);
    if (fact.type !== "job_created") return;
    const { jobId, idempotency } = fact.job;
    if (idempotency !== undefined) this.takenKeys.add(idempotency.key);
    const open = new Set(fact.requests.map(({ requestId }) => requestId));
    this.#jobs.set(jobId, { entries: [{ line, place }], open });
    for (const requestId of open) this.#jobOf.set(requestId, jobId);
    // The newest job stays, because IDs that follow are compared with it.
    const before = this.#lastJob;
    this.#lastJob = jobId;
    if (before !== undefined) this.#forgetEnded(before);
  }

  #ended(line: string, place: EntryPlace): void {
    const fact = parseFact(line, place.sequence);
    if (fact.type !== "request_ended") return;
    const { requestId, jobId } = fact.outcome;
    const job = this.#jobs.get(jobId);
    this.#jobOf.delete(requestId);
    if (job === undefined) return;
    job.open.delete(requestId);
    job.entries.push({ line, place });
    if (jobId !== this.#lastJob) this.#forgetEnded(jobId);
  }

  #keep(jobId: string | undefined, entry: KeptEntry): void {
    this.#jobs.get(jobId ?? "")?.entries.push(entry);
  }

  #forgetEnded(jobId: string): void {
    if (this.#jobs.get(jobId)?.open.size === 0) this.#jobs.delete(jobId);
  }
}
