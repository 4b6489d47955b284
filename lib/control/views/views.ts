/** Converts records of the core and the journal to the types of `lib/protocol/api/views.ts`. */
import type { ArtifactView } from "../../protocol/api/artifacts.ts";
import type { TokenView } from "../../protocol/api/tokens.ts";
import type {
  AgentDetail,
  AgentMetrics,
  AgentView,
  Approval,
  Capability,
  JobDetail,
  JobView,
  OutcomeLine,
  RequestView,
} from "../../protocol/api/views.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { subprotocol } from "../../protocol/wire/version.ts";
import { mergeAgentLabels } from "../core/agents/labels.ts";
import type { AgentState } from "../core/agents/session.ts";
import type { StoredJob, StoredOutcome, StoredRequest } from "../core/model.ts";
import { rolloutView } from "../core/requests/rolloutOptions.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";

export function jobView(job: StoredJob): JobView {
  return {
    job_id: job.jobId,
    command: job.command,
    target: job.target,
    timeout_seconds: job.timeoutMs / 1000,
    ttl_seconds: job.ttlMs / 1000,
    ...rolloutView(job),
    ...(job.priority === undefined ? {} : { priority: job.priority }),
    ...(job.requireOnline ? { require_online: true } : {}),
    ...(job.pausedAt === undefined ? {} : { paused_at: timestamp(job.pausedAt) }),
    ...(job.retryOf === undefined ? {} : { retry_of: job.retryOf }),
    ...(job.schedule === undefined ? {} : { schedule: job.schedule }),
    ...(job.template === undefined ? {} : { template: job.template }),
    ...(job.notAfter === undefined ? {} : { signed: true }),
    created_at: timestamp(job.createdAt),
    created_by: job.createdBy,
    ...(job.createdByName === undefined ? {} : { created_by_name: job.createdByName }),
    ...(job.reason === undefined ? {} : { reason: job.reason }),
    ...(job.needsApproval ? { approval: approvalView(job) } : {}),
    ...(job.cancelledAt === undefined ? {} : { cancelled_at: timestamp(job.cancelledAt) }),
    total: job.total,
    ended: job.ended,
    succeeded: job.succeeded,
  };
}

function approvalView({ approvedBy: by }: StoredJob): Approval {
  return by === undefined ? { status: "pending" } : { status: "approved", by };
}

export function jobDetail(job: StoredJob, requests: StoredRequest[]): JobDetail {
  return {
    ...jobView(job),
    ...(job.parameters === undefined ? {} : { parameters: job.parameters }),
    requests: requests.map((request) => requestView(job, request)),
  };
}

function requestView(job: StoredJob, request: StoredRequest): RequestView {
  const { code, message, result } = request;
  return {
    request_id: request.requestId,
    agent: request.agentId,
    state: request.state,
    ...(request.state === "queued" || request.state === "sent" ? {} : { outcome: request.state }),
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...(result === undefined ? {} : { result }),
    ...timeline(job, request),
  };
}

function timeline({ createdAt }: StoredJob, request: StoredRequest) {
  const { sentAt, startedAt, executionMs, endedAt, durationMs } = request;
  const waitedMs = sentAt === undefined ? undefined : Math.max(0, Math.round(sentAt - createdAt));
  return {
    queued_at: timestamp(createdAt),
    ...(sentAt === undefined ? {} : { sent_at: timestamp(sentAt) }),
    ...(startedAt === undefined ? {} : { started_at: timestamp(startedAt) }),
    ...(endedAt === undefined ? {} : { ended_at: timestamp(endedAt) }),
    ...(waitedMs === undefined ? {} : { queue_ms: waitedMs }),
    ...(executionMs === undefined ? {} : { execution_ms: executionMs }),
    ...(durationMs === undefined ? {} : { duration_ms: durationMs }),
  };
}

export function outcomeLine(job: StoredJob, outcome: StoredOutcome): OutcomeLine {
  const { code, message, result, executionMs } = outcome;
  return {
    job_id: job.jobId,
    request_id: outcome.requestId,
    agent: outcome.agentId,
    command: job.command,
    outcome: outcome.outcome,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...(result === undefined ? {} : { result }),
    ...(executionMs === undefined ? {} : { execution_ms: executionMs }),
    duration_ms: outcome.durationMs,
    cursor: outcome.sequence,
  };
}

export interface AgentStatus {
  /** Requests that are queued for the agent or wait for its response. */
  openRequests: number;
  access: AgentView["access"];
  latencyMs?: number | undefined;
}

export function agentView(agent: AgentState, status: AgentStatus): AgentView {
  const { openRequests, access, latencyMs } = status;
  const {
    agentId,
    connectedAt,
    version,
    hostname,
    os,
    arch,
    address,
    drained,
    replacedAt,
    duplicateLocation,
  } = agent.record;
  const labels = mergeAgentLabels(agent.record);
  const { session, cpuUsage, memoryUsage, lastOutcome: last } = agent;
  const lastSeenAt = session?.lastMessageAt ?? agent.record.lastSeenAt;
  return {
    agent_id: agentId,
    online: session !== undefined,
    access,
    ...(session === undefined ? {} : { protocol: session.isExtended ? subprotocol : "standard" }),
    ...(version === undefined ? {} : { version }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(os === undefined ? {} : { os }),
    ...(arch === undefined ? {} : { arch }),
    ...(address === undefined ? {} : { address }),
    ...(labels === undefined ? {} : { labels }),
    ...(drained ? { drained } : {}),
    ...(replacedAt === undefined ? {} : { replaced_at: timestamp(replacedAt) }),
    ...(duplicateLocation === undefined ? {} : { duplicate_location: duplicateLocation }),
    ...(connectedAt === undefined ? {} : { connected_at: timestamp(connectedAt) }),
    ...(lastSeenAt === undefined ? {} : { last_seen_at: timestamp(lastSeenAt) }),
    ...(cpuUsage === undefined ? {} : { cpu_usage: cpuUsage }),
    ...(memoryUsage === undefined ? {} : { memory_usage: memoryUsage }),
    ...(latencyMs === undefined ? {} : { latency_ms: latencyMs }),
    ...(last === undefined ? {} : { last_outcome: { ...last, at: timestamp(last.at) } }),
    open_requests: openRequests,
  };
}

export function agentDetail(
  agent: AgentState,
  status: AgentStatus,
  commands: Capability[] | undefined,
  metrics: AgentMetrics,
): AgentDetail {
  return {
    ...agentView(agent, status),
    ...(commands === undefined ? {} : { commands }),
    metrics: metrics,
  };
}

export function tokenView(token: StoredToken, now: number): TokenView {
  const { agentId, labels, commands, target, addresses, usesLeft, expiresAt, revokedAt } = token;
  return {
    token_id: token.tokenId,
    role: token.role,
    kind: tokenKind(token),
    state: tokenState(token, now),
    ...(token.name === undefined ? {} : { name: token.name }),
    ...(agentId === undefined ? {} : { agent_id: agentId }),
    ...(labels === undefined ? {} : { labels }),
    ...(commands === undefined ? {} : { commands }),
    ...(target === undefined ? {} : { target }),
    ...(token.template === undefined ? {} : { template: token.template }),
    ...(addresses === undefined ? {} : { addresses }),
    ...(usesLeft === undefined ? {} : { uses_left: usesLeft }),
    ...(expiresAt === undefined ? {} : { expires_at: timestamp(expiresAt) }),
    created_at: timestamp(token.createdAt),
    created_by: token.createdBy,
    ...(revokedAt === undefined ? {} : { revoked_at: timestamp(revokedAt) }),
  };
}

function tokenKind({ publicKey, hash }: StoredToken): TokenView["kind"] {
  if (publicKey !== undefined) return "key";
  return hash === undefined ? "oidc" : "bearer";
}

function tokenState(token: StoredToken, now: number): TokenView["state"] {
  if (token.revokedAt !== undefined) return "revoked";
  if (token.usesLeft === 0) return "used";
  return token.expiresAt !== undefined && token.expiresAt <= now ? "expired" : token.state;
}

export function artifactView(artifact: StoredArtifact): ArtifactView {
  const { agentId, requestId, expiresAt } = artifact;
  return {
    artifact_id: artifact.artifactId,
    name: artifact.name,
    bytes: artifact.bytes,
    sha256: artifact.sha256,
    kind: artifact.kind,
    state: artifact.state,
    ...(agentId === undefined ? {} : { agent_id: agentId }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
    created_by: artifact.createdBy,
    created_at: timestamp(artifact.createdAt),
    ...(expiresAt === undefined ? {} : { expires_at: timestamp(expiresAt) }),
  };
}
