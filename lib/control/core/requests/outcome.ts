/** Builds one of the six outcomes from an agent's response or from a timeout. */
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import type { ErrorMessage, Response } from "../../../protocol/wire/message.ts";
import type { Job, OpenRequest, Outcome } from "../model.ts";
import type { AgentQueue, ConnectedAgent } from "./requestTable.ts";

export interface OutcomeDraft {
  outcome: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  /** How long the command ran, and the age of the response since then. */
  times?: { executionMs: number; responseAgeMs: number };
}

export const cancelledOutcome: OutcomeDraft = {
  outcome: "cancelled",
  code: "CANCELLED",
  message: "Cancelled before it was sent; the request never started",
};

export function cancelledBecause(reason: string): OutcomeDraft {
  return { outcome: "cancelled", code: "CANCELLED", message: reason };
}

/** For the requests that were not sent when a rollout stopped. */
export function stoppedOutcome(what: string): OutcomeDraft {
  return cancelledBecause(`The rollout stopped after ${what}; the request never started`);
}

/** For an offline agent, if the job requires online agents. */
export const offlineOutcome: OutcomeDraft = {
  outcome: "expired",
  code: "OFFLINE",
  message: "The agent is offline and the job requires online agents; the request never started",
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

/** Only a request that was certainly never sent has expired; the end of any other is unknown. */
export function outcomeFromTimeout(
  request: OpenRequest,
  queue: AgentQueue,
  isHeld: boolean,
): OutcomeDraft {
  if (request.state === "queued") {
    const what = isHeld
      ? "Its batch did not start in time"
      : "The agent did not take it within its TTL";
    const message = `${what}; the request never started`;
    return { outcome: "expired", code: "EXPIRED", message };
  }
  if (request.rejectedResponse !== undefined) {
    const message = `Invalid response from the agent: ${request.rejectedResponse}`;
    return { outcome: "lost", code: "MALFORMED", message };
  }
  const { peer } = queue;
  if (peer === undefined) {
    const message = "Sent, but the agent did not reconnect";
    return { outcome: "lost", code: "DISCONNECTED", message };
  }
  const isElsewhere = request.journalId !== undefined && request.journalId !== peer.journalId;
  const message = isElsewhere
    ? "Sent, but the agent has another journal since then, which knows nothing of it"
    : "The agent is connected, but sent no response in time";
  return { outcome: "lost", code: "TIMEOUT", message };
}

/** Whether the control plane waited in vain. Until this is on disk, a response makes it untrue. */
export function isUnanswered({ outcome, code }: Outcome): boolean {
  return outcome === "lost" && (code === "TIMEOUT" || code === "DISCONNECTED");
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

/**
 * On the control plane's clock: computed back from now, and not before the acceptance of the job.
 */
function computeStart(
  { executionMs, responseAgeMs }: NonNullable<OutcomeDraft["times"]>,
  job: Job,
  now: number,
) {
  const ran = Math.min(executionMs, Math.max(0, Math.round(now - job.createdAt)));
  return { startedAt: Math.max(job.createdAt, now - responseAgeMs - ran), executionMs: ran };
}

/** Some codes of a `wsctl.v1` agent are more precise than "error". */
function outcomeFromCode(code: string, peer: ConnectedAgent): OutcomeKind {
  if (code === "INTERRUPTED") return "lost";
  if (!peer.isExtended) return "error";
  if (code === "EXPIRED") return "expired";
  return code === "CANCELLED" || code === "STOPPED" ? "cancelled" : "error";
}
