/** The control plane's journal: its log, and the index of the log in SQLite. */

import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { failpoint } from "../../failpoints.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Committed } from "../../store/groupCommit.ts";
import { openFileStorage } from "../../store/log/fileStorage.ts";
import type { Database } from "../../store/sqlite.ts";
import type { Clock } from "../../time/clock.ts";
import type { StoredOutcome, StoredRequest } from "../core/model.ts";
import { AuditTrail } from "./auditTrail.ts";
import { toFact } from "./entries.ts";
import { indexError } from "./feed/indexFeed.ts";
import type { IndexOpener, JournalIndex } from "./feed/journalIndex.ts";
import { LocalIndex } from "./feed/localIndex.ts";
import { JobPages } from "./history/jobPage.ts";
import { currentIndex, type IndexReads } from "./index/currentIndex.ts";
import { openMetrics, removeDatabase } from "./index/openDatabases.ts";
import { type JobRow, type RequestRow, toJob, toRequest } from "./index/rows.ts";
import type { CommitResult, ControlJournal } from "./journal.ts";
import { assertNoCluster, assertNotLost } from "./lostJournal.ts";
import { readAgents, readOpenJournal } from "./openJobs.ts";
import { assertFirstOutcomes, outcomeSequences } from "./outcomeWrites.ts";
import { prefixRange } from "./prefixRange.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";
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

export interface ControlJournalOptions
  extends Pick<RecorderOptions, "segmentBytes" | "policy" | "openLog" | "onProgress" | "onFault"> {
  dataDir: string;
  clock: Pick<Clock, "after" | "wall">;
  /** Opens the index; by default, this thread writes it. */
  openIndex?: IndexOpener;
  /** Locks an open file for this process, or returns false if another process has locked it. */
  tryLock(fd: number, path: string): boolean;
}

/**
 * Opens the journal, or creates it. An index that is missing, damaged or of another log is rebuilt.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the log
 */
export function openControlJournal(options: ControlJournalOptions): ControlJournal {
  if (options.openLog === undefined) {
    assertNoCluster(options.dataDir);
    assertNotLost(options.dataDir);
  }
  const indexPath = join(options.dataDir, "index.db");
  try {
    return openWithIndex(options, indexPath);
  } catch (error) {
    // Anything else that is wrong is in the index, or the index cannot take what is in the log.
    if (error instanceof WsctlError) throw error;
    removeDatabase(indexPath);
  }
  try {
    return openWithIndex(options, indexPath);
  } catch (error) {
    throw error instanceof WsctlError ? error : indexError(error);
  }
}

function openWithIndex(options: ControlJournalOptions, indexPath: string): ControlJournal {
  const { dataDir, tryLock } = options;
  const storage = openFileStorage({ path: join(dataDir, "log"), tryLock });
  const { openIndex = (path: string) => new LocalIndex(path) } = options;
  let index: JournalIndex;
  try {
    index = openIndex(indexPath);
  } catch (error) {
    storage.release();
    throw error;
  }
  try {
    const recorder = new Recorder({ ...options, storage, index });
    const journal = journalOn(recorder, index, openMetrics(dataDir, options.onFault));
    // A copy of another log gets its identity from there.
    if (options.openLog === undefined) journal.createIdentity();
    return journal;
  } catch (error) {
    storage.release();
    index.close();
    throw error;
  }
}

function journalOn(recorder: Recorder, index: JournalIndex, metricsDb: Database): ControlJournal {
  const { feed } = recorder;
  const { db } = index;
  const reads = currentIndex(db, () => feed.applyTables());
  const record: Recorder["record"] = (...facts) => recorder.record(...facts);
  const job = reads.prepare<[string], JobRow>(
    "SELECT * FROM jobs WHERE job_id = ? AND is_pruned = 0",
  );
  const jobIdsFrom = createJobIdSearch(reads);
  const byKey = reads.prepare<[string], JobRow>("SELECT * FROM jobs WHERE idempotency_key = ?");
  const jobs = new JobPages(db, () => index.upkeep.indexHistory());
  const wholeRequests = reads.prepare<[string], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const requests = reads.prepare<[string], RequestRow>(
    `SELECT request_id, job_id, agent_id, state, batch_at, sent_at, started_at, execution_ms,
    ended_at,
       NULL AS signatures, journal_id, sequence, code, substr(message, 1, ${briefChars}) AS message,
       NULL AS result, duration_ms FROM requests WHERE job_id = ? ORDER BY rowid`,
  );
  const agentOf = reads.prepare<[string], { agent_id: string }>(
    "SELECT agent_id FROM requests WHERE request_id = ?",
  );
  const jobIdOf = reads.prepare<[string], { job_id: string }>(
    "SELECT job_id FROM requests WHERE request_id = ?",
  );
  const isOpen = reads.prepare<[string], { one: number }>(
    "SELECT 1 AS one FROM requests WHERE request_id = ? AND sequence IS NULL",
  );
  const outcomes = reads.prepare<[string, number, number], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
  );
  /** Returns the id when the index has everything about it. */
  const about = (id: string) => {
    feed.applyFor(id);
    return id;
  };
  /** Returns the index when it has everything. */
  const current = () => {
    feed.apply();
    return reads;
  };
  const commit: ControlJournal["commit"] = (writes, done) => {
    failpoint("control_before_commit");
    assertFirstOutcomes(writes, (requestId) => {
      return feed.isOpen(requestId) ?? isOpen.get(requestId) !== undefined;
    });
    const resultFrom = (sequence: number) => {
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
    open: () => current().read(() => readOpenJournal(reads)),
    agents: () => current().read(() => readAgents(reads)),
    job: (jobId) => optional(job.get(about(jobId)), toJob),
    jobIdsFrom: (...search) => {
      feed.applyForList();
      return jobIdsFrom(...search);
    },
    jobByKey: (key) => {
      feed.applyForKey(key);
      return optional(byKey.get(key), toJob);
    },
    jobs: (query) => {
      feed.applyForList();
      return jobs.page(query);
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
    findJobId: (requestId) => jobIdOf.get(about(requestId))?.job_id,
    findAgent: (requestId) => agentOf.get(about(requestId))?.agent_id,
    outcomes: (jobId, after, limit) => outcomes.all(about(jobId), after, limit).map(toOutcome),
    metrics: createMetricsTable(metricsDb),
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
      return oldestJob.get()?.created_at;
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
      recorder.close();
      index.close();
      metricsDb.close();
    },
  };
}

function readControlId(db: Database): string | undefined {
  const sql = "SELECT control_id FROM identity";
  return db.prepare<[], { control_id: string | null }>(sql).get()?.control_id ?? undefined;
}

function toOutcome(row: RequestRow): StoredOutcome {
  const { state, ...rest } = toRequest(row);
  return { ...rest, outcome: state, sequence: row.sequence ?? 0 } as StoredOutcome;
}

function optional<Row, T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}

/** Finds ids of jobs by their beginning, each time through an index. */
function createJobIdSearch(db: IndexReads): ControlJournal["jobIdsFrom"] {
  const from = "SELECT job_id FROM jobs WHERE job_id >= ? AND job_id < ? AND is_pruned = 0";
  const rest = "ORDER BY job_id DESC LIMIT ?";
  const all = db.prepare<[string, string, number], { job_id: string }>(`${from} ${rest}`);
  const own = db.prepare<[string, string, string, number], { job_id: string }>(
    `${from} AND created_by = ? ${rest}`,
  );
  return (prefix, limit, createdBy) => {
    const [first, end] = prefixRange(prefix);
    const rows =
      createdBy === undefined ? all.all(first, end, limit) : own.all(first, end, createdBy, limit);
    return rows.map((row) => row.job_id);
  };
}
