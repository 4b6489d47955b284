/** How a request ends: an agent's answer, or the passing of time, as one of the six outcomes. */
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import type { ErrorMessage, Response } from "../../../protocol/wire/message.ts";
import type { Job, OpenRequest, Outcome } from "../model.ts";
import type { AgentQueue, ConnectedAgent } from "./requestTable.ts";

export interface OutcomeDraft {
  outcome: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  /** How long the command ran, and since then its answer has been with the agent. */
  times?: { executionMs: number; responseAgeMs: number };
}

export const cancelledOutcome: OutcomeDraft = {
  outcome: "cancelled",
  code: "CANCELLED",
  message: "withdrawn before it was sent; it never started",
};

export function cancelledBecause(reason: string): OutcomeDraft {
  return { outcome: "cancelled", code: "CANCELLED", message: reason };
}

/** For what a rollout had not sent when it stopped. */
export function stoppedOutcome(what: string): OutcomeDraft {
  return cancelledBecause(`the rollout stopped after ${what}; it never started`);
}

/** For an agent that is away, of a job that asks only those that are there. */
export const offlineOutcome: OutcomeDraft = {
  outcome: "expired",
  code: "OFFLINE",
  message: "the agent is away, and the job does not wait for it; it never started",
};

export function outcomeFromResponse(
  message: Response | ErrorMessage,
  peer: ConnectedAgent,
): OutcomeDraft {
  if (message.type === "error") {
    const { code, message: text } = message.payload;
    return {
      outcome: outcomeFromCode(code, peer),
      code,
      message: text,
      ...readTimes(message, peer),
    };
  }
  const { status, message: text, result } = message.payload;
  return {
    outcome: status,
    ...(text === undefined ? {} : { message: text }),
    ...(result === undefined ? {} : { result }),
    ...readTimes(message, peer),
  };
}

function readTimes(
  { payload }: Response | ErrorMessage,
  { isExtended }: ConnectedAgent,
): Pick<OutcomeDraft, "times"> {
  const { execution_ms: executionMs, response_age_ms: responseAgeMs = 0 } = payload;
  return isExtended && executionMs !== undefined ? { times: { executionMs, responseAgeMs } } : {};
}

/** Only what was certainly never sent has expired; of the rest it cannot be known how it ended. */
export function outcomeFromTimeout(
  request: OpenRequest,
  queue: AgentQueue,
  isHeld: boolean,
): OutcomeDraft {
  if (request.state === "queued") {
    const what = isHeld
      ? "its turn did not come in time"
      : "the agent did not take it within its TTL";
    const message = `${what}; it never started`;
    return { outcome: "expired", code: "EXPIRED", message };
  }
  if (request.rejectedResponse !== undefined) {
    const message = `the agent's answer could not be taken: ${request.rejectedResponse}`;
    return { outcome: "lost", code: "MALFORMED", message };
  }
  return queue.peer === undefined
    ? { outcome: "lost", code: "DISCONNECTED", message: "sent, but the agent never came back" }
    : {
        outcome: "lost",
        code: "TIMEOUT",
        message: "the agent is connected, but no answer was received",
      };
}

export function buildOutcome(
  request: OpenRequest,
  job: Job,
  draft: OutcomeDraft,
  now: number,
): Outcome {
  const { outcome, code, message, result, times } = draft;
  const { sentAt } = request;
  return {
    requestId: request.requestId,
    jobId: request.jobId,
    agentId: request.agentId,
    outcome,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...(result === undefined ? {} : { result }),
    endedAt: now,
    durationMs: Math.max(0, Math.round(now - job.createdAt)),
    ...(times === undefined ? {} : computeStart(times, job, now)),
    ...(sentAt === undefined ? {} : { sentAt }),
  };
}

/** By our own clock: counted back from now, and not before it was asked for. */
function computeStart(
  { executionMs, responseAgeMs }: NonNullable<OutcomeDraft["times"]>,
  job: Job,
  now: number,
) {
  const ran = Math.min(executionMs, Math.max(0, Math.round(now - job.createdAt)));
  return { startedAt: Math.max(job.createdAt, now - responseAgeMs - ran), executionMs: ran };
}

/** Some codes of a `wsctl.v1` agent tell more than "error". */
function outcomeFromCode(code: string, peer: ConnectedAgent): OutcomeKind {
  if (code === "INTERRUPTED") return "lost";
  if (!peer.isExtended) return "error";
  if (code === "EXPIRED") return "expired";
  return code === "CANCELLED" || code === "STOPPED" ? "cancelled" : "error";
}
