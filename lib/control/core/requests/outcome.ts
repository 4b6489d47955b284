/** How a request ends: an agent's answer, or the passing of time, as one of the six outcomes. */
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import type { ErrorMessage, Response } from "../../../protocol/wire/message.ts";
import type { Job, OpenRequest, Outcome } from "../model.ts";
import type { AgentQueue, Peer } from "./requestTable.ts";

export interface Ending {
  outcome: OutcomeKind;
  code?: string;
  message?: string;
  result?: unknown;
  /** How long the command ran, and since then its answer has been with the agent. */
  times?: { ranMs: number; heldMs: number };
}

export const cancelled: Ending = {
  outcome: "cancelled",
  code: "CANCELLED",
  message: "withdrawn before it was sent; it never started",
};

export function withdrawnAs(reason: string): Ending {
  return { outcome: "cancelled", code: "CANCELLED", message: reason };
}

/** For what a rollout had not sent when it stopped. */
export function stoppedAfter(what: string): Ending {
  return withdrawnAs(`the rollout stopped after ${what}; it never started`);
}

/** For an agent that is away, of a job that asks only those that are there. */
export const away: Ending = {
  outcome: "expired",
  code: "OFFLINE",
  message: "the agent is away, and the job does not wait for it; it never started",
};

export function endingOfAnswer(message: Response | ErrorMessage, peer: Peer): Ending {
  if (message.type === "error") {
    const { code, message: text } = message.payload;
    return { outcome: outcomeOfCode(code, peer), code, message: text, ...timesOf(message, peer) };
  }
  const { status, message: text, result } = message.payload;
  return {
    outcome: status,
    ...(text === undefined ? {} : { message: text }),
    ...(result === undefined ? {} : { result }),
    ...timesOf(message, peer),
  };
}

function timesOf({ payload }: Response | ErrorMessage, { v1 }: Peer): Pick<Ending, "times"> {
  const { ran_ms: ranMs, held_ms: heldMs = 0 } = payload;
  return v1 && ranMs !== undefined ? { times: { ranMs, heldMs } } : {};
}

/** Only what was certainly never sent has expired; of the rest it cannot be known how it ended. */
export function endingOfSilence(request: OpenRequest, queue: AgentQueue, isHeld: boolean): Ending {
  if (request.state === "queued") {
    const what = isHeld
      ? "its turn did not come in time"
      : "the agent did not take it within its TTL";
    const message = `${what}; it never started`;
    return { outcome: "expired", code: "EXPIRED", message };
  }
  if (request.refusedAnswer !== undefined) {
    const message = `the agent's answer could not be taken: ${request.refusedAnswer}`;
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

export function outcomeOf(request: OpenRequest, job: Job, ending: Ending, now: number): Outcome {
  const { outcome, code, message, result, times } = ending;
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
    ...(times === undefined ? {} : startOf(times, job, now)),
    ...(sentAt === undefined ? {} : { sentAt }),
  };
}

/** By our own clock: counted back from now, and not before it was asked for. */
function startOf({ ranMs, heldMs }: NonNullable<Ending["times"]>, job: Job, now: number) {
  const ran = Math.min(ranMs, Math.max(0, Math.round(now - job.createdAt)));
  return { startedAt: Math.max(job.createdAt, now - heldMs - ran), ranMs: ran };
}

/** Some codes of a `wsctl.v1` agent tell more than "error". */
function outcomeOfCode(code: string, peer: Peer): OutcomeKind {
  if (code === "INTERRUPTED") return "lost";
  if (!peer.v1) return "error";
  if (code === "EXPIRED") return "expired";
  return code === "CANCELLED" || code === "STOPPED" ? "cancelled" : "error";
}
