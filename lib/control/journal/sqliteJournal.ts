/** The control plane's journal in one SQLite file. */
import { failpoint } from "../../failpoints.ts";
import { AuditTrail } from "../../store/auditTrail.ts";
import { Database, type Statement, type Value } from "../../store/sqlite.ts";
import type {
  AgentFacts,
  ControlWrite,
  Job,
  OpenJournal,
  OpenRequest,
  Outcome,
  Standing,
} from "../core/model.ts";
import { isRollout } from "../core/requests/rollouts.ts";
import { auditOf } from "./auditEntries.ts";
import { HistoryIndex } from "./history/historyIndex.ts";
import { JobList } from "./history/jobPage.ts";
import { Retention } from "./history/retention.ts";
import type { ControlJournal, StoredOutcome, StoredRequest } from "./journal.ts";
import { migrations } from "./migrations.ts";
import { type JobRow, jobOf, type RequestRow, requestOf, turnsText } from "./rows.ts";
import { artifactRecordsOn } from "./tables/artifactTable.ts";
import { figureRecordsOn } from "./tables/metricsTable.ts";
import { releaseRecordsOn } from "./tables/releaseTable.ts";
import { scheduleRecordsOn } from "./tables/scheduleTable.ts";
import { tokenRecordsOn } from "./tables/tokenTable.ts";

const applicationId = 0x77736370;

/** Of a message, where many requests are shown at once. */
const briefChars = 500;

/** Written and removed by the probe: more than what is left free in a page already allocated. */
const probeBytes = 64 * 1024;

/** Opens the journal, or throws `STORAGE_UNAVAILABLE` with what is wrong with the file. */
export function openControlJournal(path: string): ControlJournal {
  const what = "the control plane's journal";
  const db = Database.open({ path, what, applicationId, migrations });
  return db.read(() => journalOn(db));
}

function journalOn(db: Database): ControlJournal {
  const audit = new AuditTrail(db);
  const write = writer(db, audit);
  const job = db.prepare<[string], JobRow>("SELECT * FROM jobs WHERE job_id = ? AND is_pruned = 0");
  const byKey = db.prepare<[string], JobRow>("SELECT * FROM jobs WHERE idempotency_key = ?");
  const index = new HistoryIndex(db);
  const jobs = new JobList(db, index);
  const wholeRequests = db.prepare<[string], RequestRow>(
    "SELECT * FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const requests = db.prepare<[string], RequestRow>(
    `SELECT request_id, job_id, agent_id, state, turn_at, sent_at, started_at, ran_ms, ended_at,
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
      db.transaction(() => write(writes));
      failpoint("control_after_commit");
    },
    probe: () => {
      for (const size of [probeBytes, 0]) {
        db.transaction(() => void probe.run(new Uint8Array(size)));
      }
    },
    open: () => db.read(() => openJournal(db)),
    agents: () => db.read(() => agentsIn(db)),
    job: (jobId) => optional(job.get(jobId), jobOf),
    jobByKey: (key) => optional(byKey.get(key), jobOf),
    jobs: (query) => jobs.page(query),
    indexHistory: () => index.step(),
    mergeHistory: () => index.parts.merge(),
    retention: new Retention(db, index),
    requests: (jobId): StoredRequest[] => requests.all(jobId).map(requestOf),
    wholeRequests: (jobId): StoredRequest[] => wholeRequests.all(jobId).map(requestOf),
    jobIdOf: (requestId) => jobIdOf.get(requestId)?.job_id,
    agentOf: (requestId) => agentOf.get(requestId)?.agent_id,
    outcomes: (jobId, after, limit) => outcomes.all(jobId, after, limit).map(outcomeOf),
    releases: releaseRecordsOn(db),
    schedules: scheduleRecordsOn(db),
    figures: figureRecordsOn(db),
    catalogues: () =>
      db.prepare<[], { digest: string; text: string }>("SELECT * FROM catalogues").all(),
    addCatalogue: (digest, text) => {
      const sql = "INSERT INTO catalogues (digest, text) VALUES (?, ?) ON CONFLICT DO NOTHING";
      db.prepare<[string, string]>(sql).run(digest, text);
    },
    removeCatalogue: (digest) =>
      void db.prepare<[string]>("DELETE FROM catalogues WHERE digest = ?").run(digest),
    audit,
    tokens: tokenRecordsOn(db),
    controlId: controlIdIn(db),
    artifacts: artifactRecordsOn(db),
    close: () => db.close(),
  };
}

/** Carries out writes inside the transaction that the caller has begun. */
function writer(db: Database, trail: AuditTrail): (writes: ControlWrite[]) => void {
  const job = db.prepare(
    `INSERT INTO jobs (job_id, command, parameters, target, timeout_ms, ttl_ms, created_at,
       created_by, idempotency_key, fingerprint, batch, max_failures, not_after, needs_approval,
       turns, priority, require_online, retry_of, schedule, total)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const request = db.prepare(
    `INSERT INTO requests (request_id, job_id, agent_id, state, sent_at, journal_id, signatures,
       turn_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const sent = db.prepare(
    `UPDATE requests SET state = 'sent', sent_at = ?, journal_id = ?
       WHERE request_id = ? AND sequence IS NULL`,
  );
  const ended = db.prepare(
    `UPDATE requests SET state = ?, sequence = ?, code = ?, message = ?, result = ?, ended_at = ?,
       duration_ms = ?, started_at = ?, ran_ms = ? WHERE request_id = ? AND sequence IS NULL`,
  );
  const progress = db.prepare(
    "UPDATE jobs SET ended = ended + ?, succeeded = succeeded + ? WHERE job_id = ?",
  );
  const agent = db.prepare(
    "INSERT INTO agents (agent_id, facts) VALUES (?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts",
  );
  const forgotten = db.prepare("DELETE FROM agents WHERE agent_id = ?");
  const cancelled = db.prepare(
    "UPDATE jobs SET cancelled_at = coalesce(cancelled_at, ?) WHERE job_id = ?",
  );
  const turned = db.prepare("UPDATE requests SET turn_at = ? WHERE request_id = ?");
  const paused = db.prepare("UPDATE jobs SET paused_at = ? WHERE job_id = ?");
  const approved = db.prepare("UPDATE jobs SET approved_by = ? WHERE job_id = ?");
  const last = db.prepare<[], { sequence: number | null }>(
    // What was pruned was in the index before: no number is given twice.
    `SELECT max(numbered_through, outcomes_through, coalesce(
       (SELECT max(sequence) FROM requests WHERE sequence IS NOT NULL), 0)) AS sequence
       FROM history_index`,
  );

  return (writes) => {
    const tally = new Map<string, { ended: number; succeeded: number }>();
    let sequence: number | undefined;
    for (const write of writes) {
      if (write.type === "job") {
        job.run(...jobValues(write.job, write.requests.length));
        for (const one of write.requests) request.run(...requestValues(one));
      } else if (write.type === "sent") {
        sent.run(write.sentAt, write.journalId ?? null, write.requestId);
      } else if (write.type === "cancelled") {
        cancelled.run(write.at, write.jobId);
      } else if (write.type === "approved") {
        approved.run(write.by, write.jobId);
      } else if (write.type === "turned") {
        turned.run(write.at, write.requestId);
      } else if (write.type === "paused") {
        paused.run(write.at ?? null, write.jobId);
      } else if (write.type === "agent") {
        agent.run(write.facts.agentId, JSON.stringify(write.facts));
      } else if (write.type === "forgotten") {
        forgotten.run(write.agentId);
      } else if (write.type === "ended") {
        sequence ??= last.get()?.sequence ?? 0;
        write.outcome.sequence = ++sequence;
        endOnce(ended, write.outcome, sequence);
        count(tally, write.outcome);
      }
    }
    // The core counts how long; the trail says when.
    const at = Date.now();
    trail.append(writes.flatMap(auditOf).map((entry) => ({ ...entry, at })));
    for (const [jobId, { ended: more, succeeded }] of tally) progress.run(more, succeeded, jobId);
  };
}

function endOnce(ended: Statement<Value[], never>, outcome: Outcome, sequence: number): void {
  const { requestId, code, message, result, endedAt, durationMs, startedAt, ranMs } = outcome;
  const changed = ended.run(
    outcome.outcome,
    sequence,
    code ?? null,
    message ?? null,
    result === undefined ? null : JSON.stringify(result),
    endedAt,
    durationMs,
    startedAt ?? null,
    ranMs ?? null,
    requestId,
  );
  if (changed !== 1) throw new Error(`request ${requestId} is not there or has ended already`);
}

function count(tally: Map<string, { ended: number; succeeded: number }>, outcome: Outcome): void {
  const entry = tally.get(outcome.jobId) ?? { ended: 0, succeeded: 0 };
  entry.ended++;
  if (outcome.outcome === "success") entry.succeeded++;
  tally.set(outcome.jobId, entry);
}

function openJournal(db: Database): OpenJournal {
  // From the open jobs: left to choose, SQLite reads the whole table for the order, at every start.
  const sql = `SELECT r.* FROM jobs AS j INDEXED BY jobs_open CROSS JOIN requests AS r
    INDEXED BY requests_by_job ON r.job_id = j.job_id AND r.sequence IS NULL
    WHERE j.ended < j.total ORDER BY r.rowid`;
  const requests = db
    .prepare<[], RequestRow>(sql)
    .all()
    .map((row) => requestOf(row) as OpenRequest);
  const job = db.prepare<[string], JobRow>("SELECT * FROM jobs WHERE job_id = ?");
  const all = db.prepare<[string], RequestRow>(
    "SELECT request_id, state, ended_at FROM requests WHERE job_id = ? ORDER BY rowid",
  );
  const jobs: OpenJournal["jobs"] = [];
  for (const jobId of new Set(requests.map((request) => request.jobId))) {
    const row = job.get(jobId);
    if (row === undefined) throw new Error(`job ${jobId} is missing`);
    const found = jobOf(row);
    jobs.push(isRollout(found) ? { ...found, all: all.all(jobId).map(standingOf) } : found);
  }
  return { jobs, requests };
}

function standingOf({ request_id: requestId, state, ended_at }: RequestRow): Standing {
  if (state === "queued" || state === "sent") return { requestId };
  return { requestId, outcome: state, endedAt: ended_at ?? 0 };
}

function agentsIn(db: Database): AgentFacts[] {
  const rows = db.prepare<[], { facts: string }>("SELECT facts FROM agents").all();
  return rows.map((row) => JSON.parse(row.facts) as AgentFacts);
}

function controlIdIn(db: Database): string {
  const row = db.prepare<[], { control_id: string }>("SELECT control_id FROM identity").get();
  if (row === undefined) throw new Error("the name of the control plane is missing");
  return row.control_id;
}

function outcomeOf(row: RequestRow): StoredOutcome {
  const { state, ...rest } = requestOf(row);
  return { ...rest, outcome: state, sequence: row.sequence ?? 0 } as StoredOutcome;
}

function jobValues(job: Job, total: number): Value[] {
  return [
    job.jobId,
    job.command,
    job.parameters === undefined ? null : JSON.stringify(job.parameters),
    JSON.stringify(job.target),
    job.timeoutMs,
    job.ttlMs,
    job.createdAt,
    job.createdBy,
    job.idempotency?.key ?? null,
    job.idempotency?.fingerprint ?? null,
    job.batch ?? null,
    job.maxFailures ?? null,
    job.notAfter ?? null,
    job.needsApproval ? 1 : 0,
    turnsText(job),
    job.priority ?? null,
    job.requireOnline ? 1 : 0,
    job.retryOf ?? null,
    job.schedule ?? null,
    total,
  ];
}

function requestValues(request: OpenRequest): Value[] {
  const { requestId, jobId, agentId, state, sentAt, journalId, signatures, turnAt } = request;
  const signed = signatures === undefined ? null : JSON.stringify(signatures);
  const sent = [sentAt ?? null, journalId ?? null];
  return [requestId, jobId, agentId, state, ...sent, signed, turnAt ?? null];
}

function optional<Row, T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}
