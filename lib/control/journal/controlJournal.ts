/** The control plane's journal: its log, and the index of the log in SQLite. */

import { randomBytes, randomUUID } from "node:crypto";
import { failpoint } from "../../failpoints.ts";
import type { Committed } from "../../store/groupCommit.ts";
import type { Database } from "../../store/sqlite.ts";
import type { OpenJournal, StoredOutcome, StoredRequest } from "../core/model.ts";
import { AuditTrail } from "./auditTrail.ts";
import { toFact } from "./entries.ts";
import type { JournalIndex } from "./feed/journalIndex.ts";
import { JobPages } from "./history/jobPage.ts";
import { currentIndex, type IndexReads } from "./index/currentIndex.ts";
import { type PackedId, packedRanges, packId, unpackId } from "./index/packId.ts";
import { type JobRow, type RequestRow, toJob, toRequest } from "./index/rows.ts";
import type { CommitResult, ControlJournal } from "./journal.ts";
import { readAgents, readOpenJournal } from "./openJobs.ts";
import { assertFirstOutcomes, noteOpenRequests, outcomeSequences } from "./outcomeWrites.ts";
import type { IndexRebuild } from "./rebuild/indexRebuild.ts";
import type { Recorder } from "./recorder.ts";
import { createArtifactTable } from "./tables/artifactTable.ts";
import { createDefinitionTable } from "./tables/definitionTable.ts";
import { createLineageTable } from "./tables/lineageTable.ts";
import { createMetricsTable } from "./tables/metricsTable.ts";
import { createReleaseTable } from "./tables/releaseTable.ts";
import { createScheduleTable } from "./tables/scheduleTable.ts";
import { createTokenTable, toTokenEntry } from "./tables/tokenTable.ts";

/** Messages are shortened to this length in lists of requests. */
const briefChars = 500;
const lineageKeyBytes = 32;

/** What a journal consists of; `openControlJournal.ts` opens it. */
export interface JournalParts {
  recorder: Recorder;
  index: JournalIndex;
  metrics: Database;
  rebuild: IndexRebuild | undefined;
}

export function journalOn({ recorder, index, metrics, rebuild }: JournalParts): ControlJournal {
  const { feed } = recorder;
  const { db } = index;
  const reads = currentIndex(db, () => feed.applyTables());
  const record: Recorder["record"] = (...facts) => recorder.record(...facts);
  const job = reads.prepare<[PackedId], JobRow>(
    "SELECT * FROM jobs WHERE job_id = ? AND is_pruned = 0",
  );
  const jobIdsFrom = createJobIdSearch(reads);
  const byKey = reads.prepare<[string], JobRow>("SELECT * FROM jobs WHERE idempotency_key = ?");
  const jobs = new JobPages(db, () => index.upkeep.indexHistory());
  const wholeRequests = reads.prepare<[PackedId], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const requests = reads.prepare<[PackedId], RequestRow>(
    `SELECT request_id, job_id, agent_id, state, batch_at, sent_at, started_at, execution_ms,
    ended_at,
       NULL AS signatures, journal_id, sequence, code, substr(message, 1, ${briefChars}) AS message,
       NULL AS result, duration_ms FROM requests WHERE job_id = ? ORDER BY rowid`,
  );
  const agentOf = reads.prepare<[PackedId], { agent_id: string }>(
    "SELECT agent_id FROM requests WHERE request_id = ?",
  );
  const jobIdOf = reads.prepare<[PackedId], { job_id: PackedId }>(
    "SELECT job_id FROM requests WHERE request_id = ?",
  );
  const outcomes = reads.prepare<[PackedId, number, number], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
  );
  /** Returns the id, packed, when the index has everything about it. */
  const about = (id: string) => {
    feed.applyFor(id);
    return packId(id);
  };
  /** What a request that is not in the index belongs to may not be known yet. */
  const found = (owner: string | undefined) => {
    if (owner === undefined) rebuild?.assertComplete("the request");
    return owner;
  };
  /** Returns the index when it has everything. */
  const current = () => {
    feed.apply();
    return reads;
  };
  const readOpen = () => current().read(() => readOpenJournal(reads));
  /** The requests without an outcome. */
  let openRequests: Set<string> | undefined;
  const commit: ControlJournal["commit"] = (writes, done) => {
    failpoint("control_before_commit");
    openRequests ??= idsOf(readOpen());
    const open = openRequests;
    assertFirstOutcomes(writes, open);
    const resultFrom = (sequence: number) => {
      noteOpenRequests(writes, open);
      return { result: { sequences: outcomeSequences(writes, sequence) } };
    };
    const { first, isDurable } = recorder.commit(writes.map(toFact), (error) => {
      failpoint("control_after_commit");
      done(error === undefined ? resultFrom(first) : { error });
    });
    if (!isDurable) return undefined;
    failpoint("control_after_commit");
    return resultFrom(first);
  };
  const oldestJob = reads.prepare<[], { created_at: number }>(
    "SELECT created_at FROM jobs ORDER BY job_id LIMIT 1",
  );
  const tables = {
    releases: createReleaseTable(reads, record),
    schedules: createScheduleTable(reads, record),
    definitions: createDefinitionTable(reads, record),
    tokens: createTokenTable(reads, record),
    artifacts: createArtifactTable(reads, record, about),
    lineage: createLineageTable(reads, record),
  };
  const capabilities = () =>
    reads.prepare<[], { digest: string; text: string }>("SELECT * FROM capabilities").all();
  const readId = () => reads.read(() => readControlId(db));
  let controlId = readId();
  return {
    ...tables,
    commit,
    commitNow: (writes) => {
      let late: Committed<CommitResult> | undefined;
      recorder.log.settle();
      const now = commit(writes, (committed) => {
        late = committed;
      });
      recorder.log.settle();
      const committed = now ?? (late as Committed<CommitResult> | undefined);
      if (committed !== undefined && "result" in committed) return committed.result;
      throw committed?.error;
    },
    settle: () => recorder.log.settle(),
    probe: () => recorder.probe(),
    fault: () => recorder.fault(),
    assertInPlace: () => recorder.assertInPlace(),
    open: () => {
      const found = readOpen();
      openRequests = idsOf(found);
      return found;
    },
    agents: () => current().read(() => readAgents(reads)),
    job: (jobId) => optional(job.get(about(jobId)), toJob),
    jobIdsFrom: (...search) => {
      feed.applyForList();
      return jobIdsFrom(...search);
    },
    jobByKey: (key) => {
      feed.applyForKey(key);
      const found = byKey.get(key);
      if (found === undefined && rebuild?.mayHaveKey(key)) {
        rebuild.assertComplete("the job with this Idempotency-Key");
      }
      return optional(found, toJob);
    },
    jobs: (query) => {
      feed.applyForList();
      const page = jobs.page(query);
      return rebuild?.isRunning ? { ...page, indexProgress: rebuild.progress } : page;
    },
    upkeep: {
      ...index.upkeep,
      indexHistory: () => {
        feed.tryApply();
        return index.upkeep.indexHistory();
      },
    },
    upkeepLater: {
      ...index.upkeepLater,
      indexHistory: () => {
        feed.applySoon();
        return index.upkeepLater.indexHistory();
      },
    },
    requests: (jobId): StoredRequest[] => requests.all(about(jobId)).map(toRequest),
    fullRequests: (jobId): StoredRequest[] => wholeRequests.all(about(jobId)).map(toRequest),
    findJobId: (requestId) => found(optional(jobIdOf.get(about(requestId))?.job_id, unpackId)),
    findAgent: (requestId) => found(agentOf.get(about(requestId))?.agent_id),
    hasRequest: (requestId) => agentOf.get(about(requestId)) !== undefined,
    rebuild,
    outcomes: (jobId, after, limit) => outcomes.all(about(jobId), after, limit).map(toOutcome),
    metrics: createMetricsTable(metrics),
    capabilities,
    addCapabilities: (digest, text) => void record({ type: "capabilities_stored", digest, text }),
    removeCapabilities: (digest) => void record({ type: "capabilities_removed", digest }),
    audit: new AuditTrail(recorder, db),
    get controlId() {
      controlId ??= readId();
      return controlId ?? "";
    },
    createIdentity() {
      if (readId() !== undefined) return;
      const control_id = randomUUID().replaceAll("-", "");
      const lineage_key = randomBytes(lineageKeyBytes).toString("hex");
      record({ type: "control_plane_created", control_id, lineage_key });
      feed.tryApply();
    },
    get oldestJobAt() {
      // Nothing may be removed from the log that the index needs.
      return rebuild?.isRunning ? 0 : oldestJob.get()?.created_at;
    },
    *currentFacts() {
      const { key: lineage_key, restoredAt: restored_at } = tables.lineage.get();
      yield { type: "control_plane_created", control_id: readId() ?? "", lineage_key };
      if (restored_at > 0) yield { type: "control_plane_restored", restored_at };
      for (const agent of readAgents(current())) yield { type: "agent_stored", agent };
      for (const token of tables.tokens.all())
        yield { type: "token_stored", token: toTokenEntry(token) };
      for (const schedule of tables.schedules.all()) yield { type: "schedule_stored", schedule };
      for (const definition of tables.definitions.everything()) {
        yield { type: "definition_stored", definition };
      }
      for (const release of tables.releases.all()) yield { type: "release_stored", release };
      for (const artifact of tables.artifacts.all()) yield { type: "artifact_stored", artifact };
      for (const each of capabilities()) yield { type: "capabilities_stored", ...each };
    },
    recorder,
    close: () => {
      rebuild?.close();
      recorder.close();
      index.close();
      metrics.close();
    },
  };
}

function readControlId(db: Database): string | undefined {
  const sql = "SELECT control_id FROM identity";
  return db.prepare<[], { control_id: string | null }>(sql).get()?.control_id ?? undefined;
}

function idsOf({ requests }: OpenJournal): Set<string> {
  return new Set(requests.map(({ requestId }) => requestId));
}

function toOutcome(row: RequestRow): StoredOutcome {
  const { state, ...rest } = toRequest(row);
  return { ...rest, outcome: state, sequence: row.sequence ?? 0 } as StoredOutcome;
}

function optional<Row, T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}

type JobId = Pick<JobRow, "job_id">;

/** Finds ids of jobs by their beginning, each time through an index. */
function createJobIdSearch(db: IndexReads): ControlJournal["jobIdsFrom"] {
  const from = "SELECT job_id FROM jobs WHERE job_id >= ? AND job_id < ? AND is_pruned = 0";
  const rest = "ORDER BY job_id DESC LIMIT ?";
  const all = db.prepare<[PackedId, PackedId, number], JobId>(`${from} ${rest}`);
  const own = db.prepare<[PackedId, PackedId, string, number], JobId>(
    `${from} AND created_by = ? ${rest}`,
  );
  return (prefix, limit, createdBy) => {
    const found: string[] = [];
    for (const range of packedRanges(prefix)) {
      const left = limit - found.length;
      const rows =
        createdBy === undefined ? all.all(...range, left) : own.all(...range, createdBy, left);
      found.push(...rows.map((row) => unpackId(row.job_id)));
    }
    return found;
  };
}
