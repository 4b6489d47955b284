/** Values of jobs, requests and outcomes for the statements that write them into the index. */

import type { Value } from "../../../store/sqlite.ts";
import type { Job, OpenRequest, Outcome } from "../../core/model.ts";
import { optionsText, targetText } from "./jobTexts.ts";
import { escapeNul } from "./nulText.ts";
import { packId, packOptional } from "./packId.ts";

/** The columns of a new job, in the order of `jobValues`. */
export const jobColumns: readonly string[] = [
  ...["job_id", "total", "created_at", "command", "created_by", "created_by_name", "schedule"],
  ...["idempotency_key", "timeout_ms", "ttl_ms", "target", "options", "parameters"],
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
export const keyTakenSql = `UPDATE jobs SET idempotency_key = NULL
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
    total,
    job.createdAt,
    job.command,
    job.createdBy,
    job.createdByName ?? null,
    job.schedule ?? null,
    job.idempotency?.key ?? null,
    job.timeoutMs,
    job.ttlMs,
    targetText(job.target),
    optionsText(job),
    job.parameters === undefined ? null : JSON.stringify(job.parameters),
  ];
}

export function requestValues(request: OpenRequest): Value[] {
  const { requestId, jobId, agentId, state, sentAt, journalId, signatures, batchAt } = request;
  const signed = signatures === undefined ? null : JSON.stringify(signatures);
  const sent = [sentAt ?? null, packOptional(journalId)];
  const ids = [packId(requestId), packId(jobId), agentId];
  return [...ids, state, ...sent, signed, batchAt ?? null];
}
