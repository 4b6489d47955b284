/** Writes facts of the log into the tables of the index. Applying a fact twice changes nothing. */
import type { ChainEnd, EntryPlace } from "../../../store/log/segments.ts";
import type { Database } from "../../../store/sqlite.ts";
import { type ControlFact, parseFact } from "../entries.ts";
import type { FactBatch } from "../feed/journalIndex.ts";
import { artifactWriter } from "../tables/artifactTable.ts";
import { definitionWriter } from "../tables/definitionTable.ts";
import { lineageWriter } from "../tables/lineageTable.ts";
import { releaseWriter } from "../tables/releaseTable.ts";
import { scheduleWriter } from "../tables/scheduleTable.ts";
import { tokenWriter } from "../tables/tokenTable.ts";
import { type PackedId, packId, packOptional } from "./packId.ts";
import { EndedJobWriter, type Ending, shortRequests } from "./shortRequests.ts";
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

export class IndexWriter {
  readonly #appliedRow;
  readonly #setApplied;
  readonly #addBatch;
  readonly #endedJobs: EndedJobWriter;
  readonly #writers: { [Type in ControlFact["type"]]: FactWriter<Type> };

  constructor(db: Database) {
    this.#appliedRow = db.prepare<[], { sequence: number; digest: Uint8Array }>(
      "SELECT sequence, digest FROM applied",
    );
    this.#setApplied = db.prepare<[number, Uint8Array]>(
      "UPDATE applied SET sequence = ?, digest = ?",
    );
    this.#addBatch = db.prepare<[number, number, number]>(
      "INSERT OR IGNORE INTO log_batches (segment, offset, first) VALUES (?, ?, ?)",
    );
    this.#endedJobs = new EndedJobWriter(db);
    this.#writers = createWriters(db);
  }

  /** The last entry in the index, and the digest of its batch. */
  get applied(): ChainEnd {
    const { sequence, digest } = this.#appliedRow.get() ?? { sequence: 0, digest: noDigest };
    return { sequence, digest };
  }

  setApplied(sequence: number, digest: Uint8Array): void {
    this.#setApplied.run(sequence, digest);
  }

  /** Remembers where a batch stands, by any of its entries. */
  #rememberBatch({ segment, offset, sequence }: EntryPlace): void {
    this.#addBatch.run(segment, offset, sequence);
  }

  #apply(fact: ControlFact, sequence: number): void {
    const write = this.#writers[fact.type] as FactWriter<ControlFact["type"]>;
    write(fact as never, sequence);
  }

  /** Applies the facts of whole batches, in the order of the log. */
  applyAll(batches: readonly FactBatch[]): void {
    const parsed = batches.map(({ lines, place, facts }) => {
      return {
        place,
        facts: facts ?? lines.map((line, at) => parseFact(line, place.sequence + at)),
      };
    });
    const endings = shortRequests(parsed);
    for (const { facts, place } of parsed) {
      for (let at = 0; at < facts.length; at++) {
        const fact = facts[at] as ControlFact;
        if (fact.type === "request_ended" && endings.delete(fact.outcome.requestId)) continue;
        if (fact.type === "job_created" && this.#addEnded(fact, endings)) continue;
        this.#apply(fact, place.sequence + at);
      }
      this.#rememberBatch(place);
    }
  }

  /** Writes a job with the outcome of its request. Returns false if that is not known here. */
  #addEnded({ job, requests }: JobCreated, endings: Map<string, Ending>): boolean {
    const [request] = requests;
    const ending = request === undefined ? undefined : endings.get(request.requestId);
    if (request === undefined || ending === undefined) return false;
    // A job that the index has already lacks only its outcome.
    if (!this.#endedJobs.add(job, request, ending)) endings.delete(request.requestId);
    return true;
  }
}

type JobCreated = ControlFact & { type: "job_created" };

const noDigest = new Uint8Array(32);

type FactWriter<Type> = (fact: ControlFact & { type: Type }, sequence: number) => void;

function createWriters(db: Database): { [Type in ControlFact["type"]]: FactWriter<Type> } {
  const job = db.prepare(insertSql("jobs", jobColumns, "job_id"));
  const keyTaken = db.prepare<[string, PackedId]>(keyTakenSql);
  const request = db.prepare(insertSql("requests", requestColumns, "request_id"));
  const sent = db.prepare(
    `UPDATE requests SET state = 'sent', sent_at = ?, journal_id = ?
       WHERE request_id = ? AND sequence IS NULL`,
  );
  const ended = db.prepare(
    `UPDATE requests SET ${outcomeColumns.map((name) => `${name} = ?`).join(", ")}
       WHERE request_id = ? AND sequence IS NULL`,
  );
  const progress = db.prepare<[number, PackedId]>(
    "UPDATE jobs SET ended = ended + 1, succeeded = succeeded + ? WHERE job_id = ?",
  );
  const agent = db.prepare<[string, string]>(
    "INSERT INTO agents (agent_id, facts) VALUES (?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts",
  );
  const agentRemoved = db.prepare<[string]>("DELETE FROM agents WHERE agent_id = ?");
  const cancelled = db.prepare<[number, PackedId]>(
    "UPDATE jobs SET cancelled_at = coalesce(cancelled_at, ?) WHERE job_id = ?",
  );
  const batchStarted = db.prepare<[number, PackedId]>(
    "UPDATE requests SET batch_at = ? WHERE request_id = ?",
  );
  const paused = db.prepare<[number | null, PackedId]>(
    "UPDATE jobs SET paused_at = ? WHERE job_id = ?",
  );
  const approved = db.prepare<[string, PackedId]>(
    "UPDATE jobs SET approved_by = ? WHERE job_id = ?",
  );
  const capabilities = db.prepare<[string, string]>(
    "INSERT INTO capabilities (digest, text) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const capabilitiesRemoved = db.prepare<[string]>("DELETE FROM capabilities WHERE digest = ?");
  const batchesRemoved = db.prepare<[number]>("DELETE FROM log_batches WHERE first <= ?");
  const lineage = lineageWriter(db);
  const token = tokenWriter(db);
  const schedules = scheduleWriter(db);
  const definitions = definitionWriter(db);
  const releases = releaseWriter(db);
  const artifacts = artifactWriter(db);
  return {
    control_plane_created: (fact) => lineage.created(fact.control_id, fact.lineage_key),
    control_plane_restored: (fact) => lineage.restored(fact.restored_at),
    control_plane_superseded: (fact) => lineage.superseded(fact.restored_at),
    job_created: (fact) => {
      const { idempotency, jobId } = fact.job;
      if (idempotency !== undefined) keyTaken.run(idempotency.key, packId(jobId));
      if (job.run(...jobValues(fact.job, fact.requests.length)) === 0) return;
      for (const one of fact.requests) request.run(...requestValues(one));
    },
    job_cancelled: (fact) => void cancelled.run(fact.time, packId(fact.job_id)),
    job_approved: (fact) => void approved.run(fact.by, packId(fact.job_id)),
    job_paused: (fact) => void paused.run(fact.time ?? null, packId(fact.job_id)),
    batch_started: (fact) => void batchStarted.run(fact.time, packId(fact.request_id)),
    request_sent: ({ time, journal_id, request_id }) =>
      void sent.run(time, packOptional(journal_id), packId(request_id)),
    request_ended: ({ outcome }, sequence) => {
      if (ended.run(...outcomeValues(outcome, sequence), packId(outcome.requestId)) === 0) return;
      progress.run(outcome.outcome === "success" ? 1 : 0, packId(outcome.jobId));
    },
    agent_stored: (fact) => void agent.run(fact.agent.agentId, JSON.stringify(fact.agent)),
    agent_removed: (fact) => void agentRemoved.run(fact.agent_id),
    token_stored: (fact) => token(fact.token),
    schedule_stored: (fact) => schedules.store(fact.schedule),
    schedule_removed: (fact) => schedules.remove(fact.schedule_id),
    definition_stored: (fact) => definitions.store(fact.definition),
    definition_removed: (fact) => definitions.remove(fact.kind, fact.name),
    release_stored: (fact) => releases.store(fact.release),
    release_removed: (fact) => releases.remove(fact.version),
    artifact_stored: (fact) => artifacts.store(fact.artifact),
    artifact_removed: (fact) => artifacts.remove(fact.artifact_id),
    capabilities_stored: (fact) => void capabilities.run(fact.digest, fact.text),
    capabilities_removed: (fact) => void capabilitiesRemoved.run(fact.digest),
    action_recorded: () => {},
    event_recorded: () => {},
    entries_removed: (fact) => void batchesRemoved.run(fact.through),
  };
}
