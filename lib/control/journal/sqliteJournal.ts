/** The control plane's journal in one SQLite file. */
import { failpoint } from "../../failpoints.ts";
import { AuditTrail } from "../../store/auditTrail.ts";
import { Database } from "../../store/sqlite.ts";
import type {
  AgentRecord,
  OpenJournal,
  OpenRequest,
  RequestProgress,
  StoredOutcome,
  StoredRequest,
} from "../core/model.ts";
import { isRollout } from "../core/requests/rollouts.ts";
import { HistoryIndex } from "./history/historyIndex.ts";
import { JobPages } from "./history/jobPage.ts";
import { Retention } from "./history/retention.ts";
import type { ControlJournal } from "./journal.ts";
import { journalWriter } from "./journalWriter.ts";
import { assertNotLost, markClosed, markOpen, probesSql } from "./lostJournal.ts";
import { migrations } from "./migrations.ts";
import { type JobRow, type RequestRow, toJob, toRequest } from "./rows.ts";
import { createArtifactTable } from "./tables/artifactTable.ts";
import { createMetricsTable } from "./tables/metricsTable.ts";
import { createReleaseTable } from "./tables/releaseTable.ts";
import { createScheduleTable } from "./tables/scheduleTable.ts";
import { createTokenTable } from "./tables/tokenTable.ts";

const applicationId = 0x77736370;

/** Messages are shortened to this length in lists of requests. */
const briefChars = 500;

/** The size that the probe writes and deletes: more than the free space of an allocated page. */
const probeBytes = 64 * 1024;

/**
 * Opens the journal.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the file
 */
export function openControlJournal(path: string): ControlJournal {
  const what = "the control plane's journal";
  assertNotLost(path);
  const db = Database.open({ path, what, applicationId, migrations });
  const journal = db.read(() => journalOn(db, () => markClosed(path)));
  markOpen(path, journal, () => Number(db.prepare<[], { count: number }>(probesSql).get()?.count));
  return journal;
}

function journalOn(db: Database, closing: () => void): ControlJournal {
  const audit = new AuditTrail(db);
  const write = journalWriter(db, audit);
  const job = db.prepare<[string], JobRow>("SELECT * FROM jobs WHERE job_id = ? AND is_pruned = 0");
  const byKey = db.prepare<[string], JobRow>("SELECT * FROM jobs WHERE idempotency_key = ?");
  const index = new HistoryIndex(db);
  const jobs = new JobPages(db, index);
  const wholeRequests = db.prepare<[string], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const requests = db.prepare<[string], RequestRow>(
    `SELECT request_id, job_id, agent_id, state, batch_at, sent_at, started_at, execution_ms,
    ended_at,
       NULL AS signatures, journal_id, sequence, code, substr(message, 1, ${briefChars}) AS message,
       NULL AS result, duration_ms FROM requests WHERE job_id = ? ORDER BY rowid`,
  );
  const agentOf = db.prepare<[string], { agent_id: string }>(
    "SELECT agent_id FROM requests WHERE request_id = ?",
  );
  const jobIdOf = db.prepare<[string], { job_id: string }>(
    "SELECT job_id FROM requests WHERE request_id = ?",
  );
  const outcomes = db.prepare<[string, number, number], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
  );
  const probe = db.prepare<[Uint8Array]>("UPDATE probe SET count = count + 1, filler = ?");

  return {
    commit: (writes) => {
      failpoint("control_before_commit");
      let sequences: ReadonlyMap<string, number> = new Map();
      db.transaction(() => {
        sequences = write(writes);
      });
      failpoint("control_after_commit");
      return { sequences };
    },
    probe: () => {
      for (const size of [probeBytes, 0]) {
        db.transaction(() => void probe.run(new Uint8Array(size)));
      }
    },
    look: () => db.refuseMoved(),
    open: () => db.read(() => openJournal(db)),
    agents: () => db.read(() => readAgents(db)),
    job: (jobId) => optional(job.get(jobId), toJob),
    jobByKey: (key) => optional(byKey.get(key), toJob),
    jobs: (query) => jobs.page(query),
    indexHistory: () => index.step(),
    mergeHistory: () => index.partitions.merge(),
    retention: new Retention(db, index),
    requests: (jobId): StoredRequest[] => requests.all(jobId).map(toRequest),
    fullRequests: (jobId): StoredRequest[] => wholeRequests.all(jobId).map(toRequest),
    findJobId: (requestId) => jobIdOf.get(requestId)?.job_id,
    findAgent: (requestId) => agentOf.get(requestId)?.agent_id,
    outcomes: (jobId, after, limit) => outcomes.all(jobId, after, limit).map(toOutcome),
    releases: createReleaseTable(db),
    schedules: createScheduleTable(db),
    metrics: createMetricsTable(db),
    capabilities: () =>
      db.prepare<[], { digest: string; text: string }>("SELECT * FROM capabilities").all(),
    addCapabilities: (digest, text) => {
      const sql = "INSERT INTO capabilities (digest, text) VALUES (?, ?) ON CONFLICT DO NOTHING";
      db.prepare<[string, string]>(sql).run(digest, text);
    },
    removeCapabilities: (digest) =>
      void db.prepare<[string]>("DELETE FROM capabilities WHERE digest = ?").run(digest),
    audit,
    tokens: createTokenTable(db),
    controlId: readControlId(db),
    artifacts: createArtifactTable(db),
    close: () => {
      closing();
      db.close();
    },
  };
}

function openJournal(db: Database): OpenJournal {
  // Starts from the open jobs: without this order, SQLite scans the whole table at every start.
  const sql = `SELECT r.* FROM jobs AS j INDEXED BY jobs_open CROSS JOIN requests AS r
    INDEXED BY requests_by_job ON r.job_id = j.job_id AND r.sequence IS NULL
    WHERE j.ended < j.total ORDER BY r.rowid`;
  const requests = db
    .prepare<[], RequestRow>(sql)
    .all()
    .map((row) => toRequest(row) as OpenRequest);
  const job = db.prepare<[string], JobRow>("SELECT * FROM jobs WHERE job_id = ?");
  const all = db.prepare<[string], RequestRow>(
    "SELECT request_id, state, ended_at FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const jobs: OpenJournal["jobs"] = [];
  for (const jobId of new Set(requests.map((request) => request.jobId))) {
    const row = job.get(jobId);
    if (row === undefined) throw new Error(`job ${jobId} is missing`);
    const found = toJob(row);
    jobs.push(isRollout(found) ? { ...found, all: all.all(jobId).map(toProgress) } : found);
  }
  return { jobs, requests };
}

function toProgress({ request_id: requestId, state, ended_at }: RequestRow): RequestProgress {
  if (state === "queued" || state === "sent") return { requestId };
  return { requestId, outcome: state, endedAt: ended_at ?? 0 };
}

function readAgents(db: Database): AgentRecord[] {
  const rows = db.prepare<[], { facts: string }>("SELECT facts FROM agents").all();
  return rows.map((row) => JSON.parse(row.facts) as AgentRecord);
}

function readControlId(db: Database): string {
  const row = db.prepare<[], { control_id: string }>("SELECT control_id FROM identity").get();
  if (row === undefined) throw new Error("the id of the control plane is missing");
  return row.control_id;
}

function toOutcome(row: RequestRow): StoredOutcome {
  const { state, ...rest } = toRequest(row);
  return { ...rest, outcome: state, sequence: row.sequence ?? 0 } as StoredOutcome;
}

function optional<Row, T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}
