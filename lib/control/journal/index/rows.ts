/** Converts rows of the control plane's journal from SQLite. */
import type { Priority } from "../../../protocol/api/jobs.ts";
import type { Job, StoredJob, StoredRequest } from "../../core/model.ts";
import { unescapeNul } from "./nulText.ts";
import { type PackedId, unpackId } from "./packId.ts";

/** The rollout options of a job, stored in one column. */
type RolloutFields = Pick<Job, "waves" | "batchPauseMs" | "canary" | "canaryPauseMs">;

export function rolloutJson({ waves, batchPauseMs, canary, canaryPauseMs }: Job): string | null {
  const text = JSON.stringify({ waves, batchPauseMs, canary, canaryPauseMs });
  return text === "{}" ? null : text;
}

export interface JobRow {
  job_id: PackedId;
  command: string;
  parameters: string | null;
  target: string;
  timeout_ms: number;
  ttl_ms: number;
  created_at: number;
  created_by: string;
  created_by_name: string | null;
  reason: string | null;
  cancelled_at: number | null;
  not_after: string | null;
  signed_run: string | null;
  needs_approval: number;
  approved_by: string | null;
  batch: number | null;
  max_failures: number | null;
  rollout: string | null;
  priority: Priority | null;
  require_online: number;
  paused_at: number | null;
  retry_of: string | null;
  schedule: string | null;
  template: string | null;
  traceparent: string | null;
  idempotency_key: string | null;
  fingerprint: string | null;
  total: number;
  ended: number;
  succeeded: number;
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
  const { idempotency_key: key, fingerprint } = row;
  return {
    jobId: unpackId(row.job_id),
    command: row.command,
    ...(row.parameters === null ? {} : { parameters: JSON.parse(row.parameters) }),
    target: JSON.parse(row.target),
    timeoutMs: row.timeout_ms,
    ttlMs: row.ttl_ms,
    createdAt: row.created_at,
    createdBy: row.created_by,
    ...(row.created_by_name === null ? {} : { createdByName: row.created_by_name }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.batch === null ? {} : { batch: row.batch }),
    ...(row.max_failures === null ? {} : { maxFailures: row.max_failures }),
    ...(row.rollout === null ? {} : (JSON.parse(row.rollout) as RolloutFields)),
    ...(row.priority === null ? {} : { priority: row.priority }),
    ...(row.require_online === 0 ? {} : { requireOnline: true }),
    ...(row.paused_at === null ? {} : { pausedAt: row.paused_at }),
    ...(row.retry_of === null ? {} : { retryOf: row.retry_of }),
    ...(row.schedule === null ? {} : { schedule: row.schedule }),
    ...(row.template === null ? {} : { template: row.template }),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    ...(row.needs_approval === 0 ? {} : { needsApproval: true }),
    ...(row.approved_by === null ? {} : { approvedBy: row.approved_by }),
    ...(row.not_after === null ? {} : { notAfter: row.not_after }),
    ...(row.signed_run === null ? {} : { signedRun: JSON.parse(row.signed_run) }),
    ...(row.cancelled_at === null ? {} : { cancelledAt: row.cancelled_at }),
    ...(key === null || fingerprint === null ? {} : { idempotency: { key, fingerprint } }),
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
