/**
 * The state of the control plane, and the writes and effects that its core requests. The core
 * (`core.ts`, `agents/agentRegistry.ts`, `requests/dispatcher.ts`) turns events into these; the
 * engine executes them.
 *
 * Times are milliseconds since 1970. They follow a system clock that is set (`clockSet`).
 */
import type { AuditDetails } from "../../protocol/api/audit.ts";
import type { Priority } from "../../protocol/api/jobs.ts";
import type { Target } from "../../protocol/api/target.ts";
import type { OutcomeKind } from "../../protocol/api/views.ts";
import type { WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Labels } from "../../protocol/labels.ts";
import type { CloseName, SocketClose } from "../../protocol/wire/closeCodes.ts";
import type { ControlDraft } from "../../protocol/wire/codec.ts";
import type { ErrorMessage, Response } from "../../protocol/wire/message.ts";
import type { OutputPayload } from "../../protocol/wire/outputFrame.ts";
import type { CommandSignature } from "../../protocol/wire/signedCommand.ts";
import type { ScheduleTerms } from "../../protocol/wire/signedSchedule.ts";

export interface Job {
  jobId: string;
  command: string;
  parameters?: JsonObject;
  target: Target;
  timeoutMs: number;
  ttlMs: number;
  createdAt: number;
  createdBy: string;
  /** The name of the token that created it. */
  createdByName?: string;
  /** Why it was created, as its creator says. */
  reason?: string;
  /** The maximum number of its requests that run at a time. */
  batch?: number;
  /** Each batch starts when the whole of the previous one has ended. */
  waves?: boolean;
  /** The pause between two waves. */
  batchPauseMs?: number;
  /** The number of requests that run first. Any failure among them stops the rollout. */
  canary?: number;
  /** The pause after the last canary has ended. */
  canaryPauseMs?: number;
  /** One more failure than this stops the rollout. */
  maxFailures?: number;
  /** The order of requests of several jobs that are queued for the same agent. */
  priority?: Priority;
  /** A request whose agent is offline when its batch starts is skipped. */
  requireOnline?: boolean;
  /** When an operator paused the job. */
  pausedAt?: number;
  /** The job that this one retries. */
  retryOf?: string;
  /** The name of the schedule that created the job. */
  schedule?: string;
  /** The name of the template that the job was made from. */
  template?: string;
  /** No request is sent before a second operator has approved the job. */
  needsApproval?: boolean;
  /** The id of the token that approved it. */
  approvedBy?: string;
  /** The position in a trace that its creator reported, or its own one at the begin of a trace. */
  traceparent?: string;
  /** When the signatures expire, as signed. */
  notAfter?: string;
  /** The run of a signed schedule that the job is. */
  signedRun?: SignedRun;
  /** When an operator cancelled it. */
  cancelledAt?: number;
  /** Only for the audit trail: the client address, its role, and the redacted parameters. */
  requestedBy?: { address?: string; role?: string; parameters?: JsonObject };
  /** The operator's Idempotency-Key and a digest of the request. */
  idempotency?: { key: string; fingerprint: string };
}

/** What operators have signed of a schedule, and which of its runs a job is. */
export interface SignedRun {
  schedule: ScheduleTerms;
  /** ISO 8601 in UTC. */
  dueAt: string;
}

/** A request without an outcome. */
export interface OpenRequest {
  requestId: string;
  jobId: string;
  agentId: string;
  state: "queued" | "sent";
  /** When its batch started, if its job runs in batches. */
  batchAt?: number;
  /** The signatures of operators over this request. */
  signatures?: CommandSignature[];
  /** When the request was last sent. */
  sentAt?: number;
  /** The agent's journal that it was sent to; absent for a peer without one. */
  journalId?: string;
  /** Why the latest response to it was rejected. Not persisted. */
  rejectedResponse?: string;
}

export interface Outcome {
  requestId: string;
  jobId: string;
  agentId: string;
  outcome: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  endedAt: number;
  /** Counted from the acceptance of the job. */
  durationMs: number;
  /** When the command started and how long it ran, as the agent reported. */
  startedAt?: number;
  executionMs?: number;
  /** When the request was sent; absent if it never was. */
  sentAt?: number;
}

/** The facts about an agent that are independent of its connection. */
export interface AgentRecord {
  agentId: string;
  version?: string;
  hostname?: string;
  os?: string;
  arch?: string;
  address?: string;
  connectedAt?: number;
  lastSeenAt?: number;
  /** The id of the agent's journal in the latest `welcome`. */
  journalId?: string;
  epoch?: number;
  /** The digest of its capabilities. */
  capabilities?: string;
  /** Labels from the control plane, never from the agent. */
  labels?: Labels;
  /** Labels from the agent's own configuration. */
  ownLabels?: Labels;
  /** The agent takes no new jobs. */
  drained?: true;
  /** When another process with its id last replaced one that was still connected. */
  replacedAt?: number;
  /** The location of the other process, if two live processes have used this id. */
  duplicateLocation?: string;
}

/** An operator's changes to an agent. */
export interface AgentUpdate {
  /** The new value of each label; null removes the label. */
  labels?: Readonly<Record<string, string | null>>;
  drained?: boolean;
}

/**
 * A subscriber's request for live output of a request: chunks after `after`, the last one that it
 * has received, up to a number of bytes. The subscriber may already have received some of them;
 * `bytesLeft` bytes are still to come.
 */
export interface OutputSubscription {
  subscriptionId: number;
  requestId: string;
  agentId: string;
  after: number;
  bytes: number;
  bytesLeft: number;
}

/** A job with its progress. */
export interface StoredJob extends Job {
  total: number;
  ended: number;
  succeeded: number;
}

/** A request with its state, and its outcome if it has one. */
export type StoredRequest = Omit<OpenRequest, "state"> & {
  state: OpenRequest["state"] | Outcome["outcome"];
} & Partial<Outcome>;

/** A stored outcome. */
export interface StoredOutcome extends Outcome {
  /** The position among all outcomes, in the order in which they were written. */
  sequence: number;
}

/** One durable change. An outcome is written once; the journal rejects a second one. */
export type ControlWrite =
  | { type: "putJob"; job: Job; requests: OpenRequest[] }
  | { type: "markSent"; requestId: string; sentAt: number; journalId: string | undefined }
  | { type: "putOutcome"; outcome: Outcome }
  | { type: "markCancelled"; jobId: string; at: number }
  | { type: "markApproved"; jobId: string; by: string }
  | { type: "markBatchStarted"; requestId: string; at: number }
  | { type: "setPaused"; jobId: string; at: number | undefined }
  | { type: "putAgent"; facts: AgentRecord }
  | { type: "deleteAgent"; agentId: string }
  /** Only for the audit trail. */
  | { type: "appendAudit"; at: number; facts: AuditDetails };

/** An action to run once every write before it is on disk. */
export type ControlEffect =
  | { type: "send"; sessionId: number; message: ControlDraft }
  | { type: "close"; sessionId: number; name: CloseName; reason: string }
  /** The peer is silent: do not wait for its closing handshake. */
  | { type: "terminate"; sessionId: number }
  /** The reply to the `submit` event with this job id. */
  | { type: "acceptJob"; job: StoredJob; requests: RequestDraft[] }
  | { type: "rejectJob"; jobId: string; error: WsctlError }
  /** For the listeners of its job. */
  | { type: "publishOutcome"; outcome: Outcome; command: string }
  /**
   * A response to a request that is not open: look the request up and reply with a
   * `requestLookedUp` event.
   */
  | { type: "lookUpRequest"; sessionId: number; answer: Response | ErrorMessage }
  /** For the subscriber that requested it. */
  | { type: "forwardOutput"; piece: OutputPayload }
  /** The text of capabilities whose digest was unknown. */
  | { type: "storeCapabilities"; agentId: string; digest: string; text: string }
  /** What the agent was told by the latest `welcome`, of this control plane or another. */
  | { type: "judgeLineage"; agentId: string; lineage: string }
  /** `close` says how the connection of an agent ended. */
  | { type: "log"; level: "info" | "warn"; text: string; agent: string; close?: SocketClose };

export interface NewSession {
  sessionId: number;
  agentId: string;
  tokenId: string;
  /** Whether the peer negotiated `wsctl.v1`. */
  isExtended: boolean;
  address: string;
  /** An unused id for the agent's journal, in case it needs one. */
  freshJournalId: string;
}

/** Selects the queued requests to cancel: by agent or by the token that created them. */
export interface CancelFilter {
  agentId?: string;
  createdBy?: string;
  reason: string;
}

/** A request before it is accepted. */
export type RequestDraft = Pick<OpenRequest, "requestId" | "agentId" | "signatures">;

/** The progress of a request, as its job sees it. */
export interface RequestProgress {
  requestId: string;
  outcome?: OutcomeKind | undefined;
  endedAt?: number | undefined;
}

/** The state from which a restarted control plane continues. */
export interface OpenJournal {
  /** Jobs with open requests; for a rollout all its requests, in order. */
  jobs: (Job & { all?: RequestProgress[] })[];
  requests: OpenRequest[];
}
