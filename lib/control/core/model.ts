/**
 * What the control plane remembers, and what its core asks to be done. The core (`core.ts`,
 * `agents/agentRegistry.ts`, `requests/dispatcher.ts`) turns events into these; the engine carries
 * them out.
 *
 * Times are milliseconds since 1970 on the control plane's steady clock.
 */
import type { AuditDetails } from "../../protocol/api/audit.ts";
import type { Priority } from "../../protocol/api/jobs.ts";
import type { Target } from "../../protocol/api/target.ts";
import type { OutcomeKind } from "../../protocol/api/views.ts";
import type { WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Labels } from "../../protocol/labels.ts";
import type { CloseName } from "../../protocol/wire/closeCodes.ts";
import type { ControlDraft } from "../../protocol/wire/codec.ts";
import type { ErrorMessage, Output, Response } from "../../protocol/wire/message.ts";
import type { CommandSignature } from "../../protocol/wire/signedCommand.ts";

export interface Job {
  jobId: string;
  command: string;
  parameters?: JsonObject;
  target: Target;
  timeoutMs: number;
  ttlMs: number;
  createdAt: number;
  createdBy: string;
  /** So many of its requests may be under way at a time. */
  batch?: number;
  /** Each batch begins when the one before has ended. */
  waves?: boolean;
  /** Between two waves. */
  batchPauseMs?: number;
  /** So many go first, and any failure among them stops the rest. */
  canary?: number;
  /** From the end of the last canary to whatever follows. */
  canaryPauseMs?: number;
  /** With one more failure than this, what has not been sent never will be. */
  maxFailures?: number;
  /** Whose requests go first where several wait for one agent. */
  priority?: Priority;
  /** An agent that is away when its turn comes is left out. */
  requireOnline?: boolean;
  /** Since when an operator holds back what has not been sent. */
  pausedAt?: number;
  /** The job that it tries again. */
  retryOf?: string;
  /** The name of the schedule that asked for it. */
  schedule?: string;
  /** Nothing of it goes out before a second operator has approved it. */
  needsApproval?: boolean;
  /** The id of the token that did. */
  approvedBy?: string;
  /** The moment after which its signatures are void, as it was signed. */
  notAfter?: string;
  /** When an operator withdrew it. */
  cancelledAt?: number;
  /** For the audit trail alone: from where and as what it was asked for, its secrets left out. */
  requestedBy?: { address?: string; role?: string; parameters?: JsonObject };
  /** The operator's own key for this job, and a digest of what was asked under it. */
  idempotency?: { key: string; fingerprint: string };
}

/** A request without an outcome. */
export interface OpenRequest {
  requestId: string;
  jobId: string;
  agentId: string;
  state: "queued" | "sent";
  /** When its turn came, where its job goes out in turns. */
  batchAt?: number;
  /** Of operators, over this very request. */
  signatures?: CommandSignature[];
  /** Of the latest sending. */
  sentAt?: number;
  /** The agent's journal that it was sent to; absent for a peer that keeps none we know of. */
  journalId?: string;
  /** Why the latest answer to it could not be taken; known only to this process. */
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
  /** From the acceptance of the job. */
  durationMs: number;
  /** When its command began, and how long it ran, as far as its agent has said so. */
  startedAt?: number;
  executionMs?: number;
  /** When the request was sent; absent where it never was. */
  sentAt?: number;
}

/** What is known of an agent beyond its connection. */
export interface AgentRecord {
  agentId: string;
  version?: string;
  hostname?: string;
  os?: string;
  arch?: string;
  address?: string;
  connectedAt?: number;
  lastSeenAt?: number;
  /** The agent's memory as it was named in the latest `welcome`. */
  journalId?: string;
  epoch?: number;
  /** The digest of what it says it can do. */
  capabilities?: string;
  /** Given by the control plane, never by the agent. */
  labels?: Labels;
  /** From its own configuration, as it says. */
  ownLabels?: Labels;
  /** It takes no new jobs. */
  drained?: true;
  /** When another process of its name last took over from one that was still connected. */
  replacedAt?: number;
  /** Where the other one was, if two that lived have taken turns under this name. */
  duplicateLocation?: string;
}

/** What an operator says of an agent: its labels, and whether it takes new jobs. */
export interface AgentUpdate {
  /** By label: its new value, or null where it is taken away. */
  labels?: Readonly<Record<string, string | null>>;
  drained?: boolean;
}

/**
 * What a subscriber asks of a request's live output: pieces behind `after`, which it has taken, until
 * they are so many bytes. Some of these it may have received already; `bytesLeft` are still to
 * come.
 */
export interface OutputSubscription {
  subscriptionId: number;
  requestId: string;
  agentId: string;
  after: number;
  bytes: number;
  bytesLeft: number;
}

/** A piece of live output, as its agent sent it. */
export type OutputPayload = Output["payload"];

/** A job with how far it has come. */
export interface StoredJob extends Job {
  total: number;
  ended: number;
  succeeded: number;
}

/** A request as it stands, with its outcome where it has one. */
export type StoredRequest = Omit<OpenRequest, "state"> & {
  state: OpenRequest["state"] | Outcome["outcome"];
} & Partial<Outcome>;

/** An outcome as it is on record. */
export interface StoredOutcome extends Outcome {
  /** Its number among all outcomes, in the order in which they were written. */
  sequence: number;
}

/** One durable change. An outcome is written once; the journal refuses a second one. */
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
  /** For the audit trail alone. */
  | { type: "appendAudit"; at: number; facts: AuditDetails };

/** One thing to do, once every write before it is on disk. */
export type ControlEffect =
  | { type: "send"; sessionId: number; message: ControlDraft }
  | { type: "close"; sessionId: number; name: CloseName; reason: string }
  /** The peer is silent: do not wait for its part of the closing. */
  | { type: "terminate"; sessionId: number }
  /** The answer to the `submit` event that carried this job id. */
  | { type: "acceptJob"; job: StoredJob; requests: RequestDraft[] }
  | { type: "rejectJob"; jobId: string; error: WsctlError }
  /** For whoever watches its job. */
  | { type: "publishOutcome"; outcome: Outcome }
  /** An answer to a request that is not open: say what is on record, with a `recalled` event. */
  | { type: "lookUpRequest"; sessionId: number; answer: Response | ErrorMessage }
  /** For the subscriber that asked for it. */
  | { type: "forwardOutput"; piece: OutputPayload }
  /** The text behind a digest that was not known. */
  | { type: "storeCapabilities"; agentId: string; digest: string; text: string }
  | { type: "log"; level: "info" | "warn"; text: string; agent: string };

export interface NewSession {
  sessionId: number;
  agentId: string;
  tokenId: string;
  /** Whether the peer asked for `wsctl.v1`. */
  isExtended: boolean;
  address: string;
  /** A name never used before, for the agent's memory in case it needs one. */
  freshJournalId: string;
}

/** Of what waits for an agent, or was asked for by a token. */
export interface CancelFilter {
  agentId?: string;
  createdBy?: string;
  reason: string;
}

/** A request as it is asked for. */
export type RequestDraft = Pick<OpenRequest, "requestId" | "agentId" | "signatures">;

export type ControlEvent =
  | { type: "jobSubmitted"; job: Job; requests: RequestDraft[] }
  | { type: "connectionOpened"; session: NewSession }
  | { type: "messageReceived"; sessionId: number; text: string }
  | { type: "connectionClosed"; sessionId: number }
  /** The socket would not take a message: the peer does not read. */
  | { type: "sendBufferFull"; sessionId: number }
  | {
      type: "requestLookedUp";
      sessionId: number;
      answer: Response | ErrorMessage;
      agentId?: string;
    }
  /** Withdraws what of this job was not sent yet, and has the rest stopped. */
  | { type: "cancelRequested"; jobId: string }
  | { type: "approvalRequested"; jobId: string; by: string }
  /** What was not sent is held back, or let go again. */
  | { type: "pauseRequested" | "resumeRequested"; jobId: string }
  | { type: "outputSubscribed"; order: OutputSubscription }
  | { type: "outputUnsubscribed"; subscriptionId: number }
  | { type: "tokenRevoked"; tokenId: string }
  /** A token was used from two places. */
  | { type: "tokenFenced"; tokenId: string }
  /** What was this token is another one from now on. */
  | { type: "tokenRotated"; tokenId: string; newId: string }
  /** What waits for this agent, or was asked for by this token, never goes out. */
  | ({ type: "cancelMatching" } & CancelFilter)
  | { type: "agentRegistered"; agentId: string; labels?: Labels }
  | ({ type: "agentUpdated"; agentId: string } & AgentUpdate)
  /** An agent that is away is no longer known; what waits for it never goes out. */
  | { type: "agentDeleted"; agentId: string }
  /** No new jobs and no new connections from now on; open ones may still answer. */
  | { type: "drainStarted" }
  /** Every agent is sent away with its own moment to return. */
  | { type: "connectionsDrained" }
  /** Time has passed; `wasPaused` where this process stood still and comes late. */
  | { type: "tick"; wasPaused?: boolean }
  /** These writes could not be made, and with them nothing that waited for them was done. */
  | { type: "commitFailed"; writes: ControlWrite[] }
  /** The journal takes writes again; this is what it holds. */
  | { type: "storageRecovered"; open: OpenJournal };

/** How far a request has come, seen from its job. */
export interface RequestProgress {
  requestId: string;
  outcome?: OutcomeKind | undefined;
  endedAt?: number | undefined;
}

/** What a restarted control plane goes on from. */
export interface OpenJournal {
  /** Those with open requests; all requests of a rollout, in their order. */
  jobs: (Job & { all?: RequestProgress[] })[];
  requests: OpenRequest[];
}
