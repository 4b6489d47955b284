/** The events that the core of the control plane handles. Times are as in `model.ts`. */
import type { Labels } from "../../protocol/labels.ts";
import type { SocketClose } from "../../protocol/wire/closeCodes.ts";
import type { ErrorMessage, Response } from "../../protocol/wire/message.ts";
import type {
  AgentUpdate,
  CancelFilter,
  ControlWrite,
  Job,
  NewSession,
  OpenJournal,
  OutputSubscription,
  RequestDraft,
} from "./model.ts";

export type ControlEvent =
  | { type: "jobSubmitted"; job: Job; requests: RequestDraft[] }
  | { type: "connectionOpened"; session: NewSession }
  | { type: "messageReceived"; sessionId: number; frame: string | Uint8Array }
  | { type: "connectionClosed"; sessionId: number; close?: SocketClose }
  /** The send buffer of the socket is full: the peer does not read. */
  | { type: "sendBufferFull"; sessionId: number }
  | {
      type: "requestLookedUp";
      sessionId: number;
      answer: Response | ErrorMessage;
      agentId?: string;
    }
  /** Cancels the requests of this job that were not sent, and stops the others. */
  | { type: "cancelRequested"; jobId: string }
  | { type: "approvalRequested"; jobId: string; by: string }
  /** Pauses or resumes the requests that were not sent. */
  | { type: "pauseRequested" | "resumeRequested"; jobId: string }
  | { type: "outputSubscribed"; subscription: OutputSubscription }
  | { type: "outputUnsubscribed"; subscriptionId: number }
  | { type: "tokenRevoked"; tokenId: string }
  /** A token was used from two places. */
  | { type: "tokenFenced"; tokenId: string }
  /** The token has a new id. */
  | { type: "tokenRotated"; tokenId: string; newId: string }
  /** Cancels the queued requests of this agent or token. */
  | ({ type: "cancelMatching" } & CancelFilter)
  | { type: "agentRegistered"; agentId: string; labels?: Labels }
  | ({ type: "agentUpdated"; agentId: string } & AgentUpdate)
  /** Deletes an offline agent and cancels its queued requests. */
  | { type: "agentDeleted"; agentId: string }
  /** Rejects new jobs and connections; open connections may still respond. */
  | { type: "drainStarted" }
  /** Disconnects every agent with its own reconnect delay. */
  | { type: "connectionsDrained" }
  /** The system's clock was set by this many milliseconds. What waits for a duration moves along. */
  | { type: "clockSet"; byMs: number }
  /** Time has passed. `wasPaused` is set if this process was suspended and runs late. */
  | { type: "tick"; wasPaused?: boolean }
  /** These writes failed, and their effects were not run. */
  | { type: "commitFailed"; writes: ControlWrite[]; reason?: unknown }
  /** The journal is writable again, with these contents. */
  | { type: "storageRecovered"; open: OpenJournal };

/** The events that operators cause, by what they are about. */
export type JobAction =
  | "cancelRequested"
  | "approvalRequested"
  | "pauseRequested"
  | "resumeRequested";
export type Notification =
  | ("tokenRevoked" | "tokenFenced" | "tokenRotated" | "cancelMatching")
  | ("agentRegistered" | "drainStarted" | "connectionsDrained");
export type AgentAction = "agentUpdated" | "agentDeleted";
