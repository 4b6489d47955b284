/** Values of jobs, requests and outcomes for the statements that write them into the index. */

import type { Value } from "../../../store/sqlite.ts";
import type { Job, OpenRequest, Outcome } from "../../core/model.ts";
import { escapeNul } from "./nulText.ts";
import { packId, packOptional } from "./packId.ts";
import { rolloutJson } from "./rows.ts";

/** The columns of a new job, in the order of `jobValues`. */
export const jobColumns: readonly string[] = [
  ...["job_id", "command", "parameters", "target", "timeout_ms", "ttl_ms", "created_at"],
  ...["created_by", "created_by_name", "reason", "idempotency_key", "fingerprint", "batch"],
  ...["max_failures", "not_after", "signed_run", "needs_approval", "rollout", "priority"],
  "require_online",
  ...["retry_of", "schedule", "template", "traceparent", "total"],
];

/** The columns of a new request, in the order of `requestValues`. */
export const requestColumns: readonly string[] = [
  ...["request_id", "job_id", "agent_id", "state", "sent_at", "journal_id", "signatures"],
  "batch_at",
];

/** The columns that an outcome sets, in the order of `outcomeValues`. */
export const outcomeColumns: readonly string[] = [
  ...["state", "sequence", "code", "message", "result", "ended_at", "duration_ms", "started_at"],
  "execution_ms",
];

/** The job that had the key before was removed from the index that this one replaces. */
export const keyTakenSql = `UPDATE jobs SET idempotency_key = NULL, fingerprint = NULL
  WHERE idempotency_key = ? AND job_id <> ?`;

/** A statement that adds a row, unless there is one with this key. */
export function insertSql(table: string, columns: readonly string[], key: string): string {
  const places = columns.map(() => "?").join(", ");
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})
    ON CONFLICT (${key}) DO NOTHING`;
}

export function outcomeValues(outcome: Outcome, sequence: number): Value[] {
  return [
    outcome.outcome,
    sequence,
    outcome.code ?? null,
    outcome.message === undefined ? null : escapeNul(outcome.message),
    outcome.result === undefined ? null : JSON.stringify(outcome.result),
    outcome.endedAt,
    outcome.durationMs,
    outcome.startedAt ?? null,
    outcome.executionMs ?? null,
  ];
}

export function jobValues(job: Job, total: number): Value[] {
  return [
    packId(job.jobId),
    job.command,
    job.parameters === undefined ? null : JSON.stringify(job.parameters),
    JSON.stringify(job.target),
    job.timeoutMs,
    job.ttlMs,
    job.createdAt,
    job.createdBy,
    job.createdByName ?? null,
    job.reason ?? null,
    job.idempotency?.key ?? null,
    job.idempotency?.fingerprint ?? null,
    job.batch ?? null,
    job.maxFailures ?? null,
    job.notAfter ?? null,
    job.signedRun === undefined ? null : JSON.stringify(job.signedRun),
    job.needsApproval ? 1 : 0,
    rolloutJson(job),
    job.priority ?? null,
    job.requireOnline ? 1 : 0,
    job.retryOf ?? null,
    job.schedule ?? null,
    job.template ?? null,
    job.traceparent ?? null,
    total,
  ];
}

export function requestValues(request: OpenRequest): Value[] {
  const { requestId, jobId, agentId, state, sentAt, journalId, signatures, batchAt } = request;
  const signed = signatures === undefined ? null : JSON.stringify(signatures);
  const sent = [sentAt ?? null, packOptional(journalId)];
  const ids = [packId(requestId), packId(jobId), agentId];
  return [...ids, state, ...sent, signed, batchAt ?? null];
}
