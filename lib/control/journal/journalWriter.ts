/** Converts the core's writes to rows and audit entries. */
import type { AuditTrail } from "../../store/auditTrail.ts";
import type { Database, Statement, Value } from "../../store/sqlite.ts";
import type { ControlWrite, Job, OpenRequest, Outcome } from "../core/model.ts";
import { buildAuditEntries } from "./auditEntries.ts";
import { rolloutJson } from "./rows.ts";

/** Writes inside the caller's transaction. Returns the sequence of each outcome, by request id. */
export function journalWriter(
  db: Database,
  trail: AuditTrail,
): (writes: ControlWrite[]) => ReadonlyMap<string, number> {
  const job = db.prepare(
    `INSERT INTO jobs (job_id, command, parameters, target, timeout_ms, ttl_ms, created_at,
       created_by, idempotency_key, fingerprint, batch, max_failures, not_after, needs_approval,
       rollout, priority, require_online, retry_of, schedule, total)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const request = db.prepare(
    `INSERT INTO requests (request_id, job_id, agent_id, state, sent_at, journal_id, signatures,
       batch_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const sent = db.prepare(
    `UPDATE requests SET state = 'sent', sent_at = ?, journal_id = ?
       WHERE request_id = ? AND sequence IS NULL`,
  );
  const ended = db.prepare(
    `UPDATE requests SET state = ?, sequence = ?, code = ?, message = ?, result = ?, ended_at = ?,
       duration_ms = ?, started_at = ?, execution_ms = ? WHERE request_id = ? AND sequence IS NULL`,
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
  const turned = db.prepare("UPDATE requests SET batch_at = ? WHERE request_id = ?");
  const paused = db.prepare("UPDATE jobs SET paused_at = ? WHERE job_id = ?");
  const approved = db.prepare("UPDATE jobs SET approved_by = ? WHERE job_id = ?");
  const last = db.prepare<[], { sequence: number | null }>(
    // Pruned outcomes were indexed before, so no sequence is assigned twice.
    `SELECT max(indexed_sequence, outcomes_through, coalesce(
       (SELECT max(sequence) FROM requests WHERE sequence IS NOT NULL), 0)) AS sequence
       FROM history_index`,
  );

  return (writes) => {
    const tally = new Map<string, { ended: number; succeeded: number }>();
    const sequences = new Map<string, number>();
    let sequence: number | undefined;
    for (const write of writes) {
      if (write.type === "putJob") {
        job.run(...jobValues(write.job, write.requests.length));
        for (const one of write.requests) request.run(...requestValues(one));
      } else if (write.type === "markSent") {
        sent.run(write.sentAt, write.journalId ?? null, write.requestId);
      } else if (write.type === "markCancelled") {
        cancelled.run(write.at, write.jobId);
      } else if (write.type === "markApproved") {
        approved.run(write.by, write.jobId);
      } else if (write.type === "markBatchStarted") {
        turned.run(write.at, write.requestId);
      } else if (write.type === "setPaused") {
        paused.run(write.at ?? null, write.jobId);
      } else if (write.type === "putAgent") {
        agent.run(write.facts.agentId, JSON.stringify(write.facts));
      } else if (write.type === "deleteAgent") {
        forgotten.run(write.agentId);
      } else if (write.type === "putOutcome") {
        sequence ??= last.get()?.sequence ?? 0;
        endOnce(ended, write.outcome, ++sequence);
        sequences.set(write.outcome.requestId, sequence);
        count(tally, write.outcome);
      }
    }
    // The core's clock is monotonic; the audit trail needs the wall-clock time.
    const at = Date.now();
    trail.append(writes.flatMap(buildAuditEntries).map((entry) => ({ ...entry, at })));
    for (const [jobId, { ended: more, succeeded }] of tally) progress.run(more, succeeded, jobId);
    return sequences;
  };
}

function endOnce(ended: Statement<Value[], never>, outcome: Outcome, sequence: number): void {
  const { requestId, code, message, result, endedAt, durationMs, startedAt, executionMs } = outcome;
  const changed = ended.run(
    outcome.outcome,
    sequence,
    code ?? null,
    message ?? null,
    result === undefined ? null : JSON.stringify(result),
    endedAt,
    durationMs,
    startedAt ?? null,
    executionMs ?? null,
    requestId,
  );
  if (changed !== 1) throw new Error(`request ${requestId} does not exist or has ended`);
}

function count(tally: Map<string, { ended: number; succeeded: number }>, outcome: Outcome): void {
  const entry = tally.get(outcome.jobId) ?? { ended: 0, succeeded: 0 };
  entry.ended++;
  if (outcome.outcome === "success") entry.succeeded++;
  tally.set(outcome.jobId, entry);
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
    rolloutJson(job),
    job.priority ?? null,
    job.requireOnline ? 1 : 0,
    job.retryOf ?? null,
    job.schedule ?? null,
    total,
  ];
}

function requestValues(request: OpenRequest): Value[] {
  const { requestId, jobId, agentId, state, sentAt, journalId, signatures, batchAt } = request;
  const signed = signatures === undefined ? null : JSON.stringify(signatures);
  const sent = [sentAt ?? null, journalId ?? null];
  return [requestId, jobId, agentId, state, ...sent, signed, batchAt ?? null];
}
