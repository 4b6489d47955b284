/** Converts rows of the control plane's journal from SQLite. */
import type { StoredJob, StoredRequest } from "../../core/model.ts";
import { readOptions, readTarget } from "./jobTexts.ts";
import { unescapeNul } from "./nulText.ts";
import { type PackedId, unpackId } from "./packId.ts";

export interface JobRow {
  job_id: PackedId;
  total: number;
  ended: number;
  succeeded: number;
  created_at: number;
  command: string;
  created_by: string;
  created_by_name: string | null;
  schedule: string | null;
  idempotency_key: string | null;
  timeout_ms: number;
  ttl_ms: number;
  cancelled_at: number | null;
  approved_by: string | null;
  paused_at: number | null;
  target: string;
  options: string | null;
  parameters: string | null;
}

export interface RequestRow {
  request_id: PackedId;
  job_id: PackedId;
  agent_id: string;
  state: StoredRequest["state"];
  sent_at: number | null;
  batch_at: number | null;
  signatures: string | null;
  journal_id: PackedId | null;
  sequence: number | null;
  code: string | null;
  message: string | null;
  result: string | null;
  ended_at: number | null;
  duration_ms: number | null;
  started_at: number | null;
  execution_ms: number | null;
}

export function toJob(row: JobRow): StoredJob {
  const { idempotency_key: key } = row;
  const { fingerprint, ...options } = readOptions(row.options);
  return {
    jobId: unpackId(row.job_id),
    command: row.command,
    ...(row.parameters === null ? {} : { parameters: JSON.parse(row.parameters) }),
    target: readTarget(row.target),
    timeoutMs: row.timeout_ms,
    ttlMs: row.ttl_ms,
    createdAt: row.created_at,
    createdBy: row.created_by,
    ...(row.created_by_name === null ? {} : { createdByName: row.created_by_name }),
    ...options,
    ...(row.paused_at === null ? {} : { pausedAt: row.paused_at }),
    ...(row.schedule === null ? {} : { schedule: row.schedule }),
    ...(row.approved_by === null ? {} : { approvedBy: row.approved_by }),
    ...(row.cancelled_at === null ? {} : { cancelledAt: row.cancelled_at }),
    ...(key === null || fingerprint === undefined ? {} : { idempotency: { key, fingerprint } }),
    total: row.total,
    ended: row.ended,
    succeeded: row.succeeded,
  };
}

export function toRequest(row: RequestRow): StoredRequest {
  return {
    requestId: unpackId(row.request_id),
    jobId: unpackId(row.job_id),
    agentId: row.agent_id,
    state: row.state,
    ...(row.signatures === null ? {} : { signatures: JSON.parse(row.signatures) }),
    ...(row.batch_at === null ? {} : { batchAt: row.batch_at }),
    ...(row.sent_at === null ? {} : { sentAt: row.sent_at }),
    ...(row.journal_id === null ? {} : { journalId: unpackId(row.journal_id) }),
    ...(row.code === null ? {} : { code: row.code }),
    ...(row.message === null ? {} : { message: unescapeNul(row.message) }),
    ...(row.result === null ? {} : { result: JSON.parse(row.result) }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.duration_ms === null ? {} : { durationMs: row.duration_ms }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.execution_ms === null ? {} : { executionMs: row.execution_ms }),
  };
}
