/** Computes the deadlines of requests. Pure functions; times are as in `model.ts`. */
import {
  answerGraceMs,
  batchWaitMsMax,
  connectTimeoutMs,
  recoveryGraceMs,
} from "../../../protocol/limits.ts";
import type { Pacing } from "../agents/pacing.ts";
import type { Job, OpenJournal, OpenRequest, RequestProgress } from "../model.ts";

/** At least a short moment, and never past the final deadline of the request. */
export function responseDeadline(
  request: OpenRequest,
  job: Job,
  due: number,
  current: number | undefined,
  now: number,
): number {
  const bound = expiresAt(request, job) + job.timeoutMs + 2 * answerGraceMs;
  return Math.min(Math.max(due, now + answerGraceMs), Math.max(bound, current ?? 0));
}

/** For an offline agent: until no response could arrive in time. */
export function offlineDeadline(request: OpenRequest, job: Job): number {
  const unrepeated = singleSendDeadline(request, job);
  if (request.journalId === undefined) return unrepeated;
  return Math.max(expiresAt(request, job) + answerGraceMs, unrepeated);
}

/** For a request that is not sent again: its timeout and a grace period for the response. */
export function singleSendDeadline(request: OpenRequest, job: Job): number {
  return (request.sentAt ?? job.createdAt) + job.timeoutMs + answerGraceMs;
}

/**
 * The time to live bounds the wait for the agent, counted from the acceptance of the job or from
 * the start of the batch. Signatures may expire earlier.
 */
export function expiresAt({ batchAt }: OpenRequest, job: Job): number {
  return withinSignatures(job, (batchAt ?? job.createdAt) + job.ttlMs);
}

/** Until when a request waits for its batch or for approval. */
export function queuedUntil(job: Job): number {
  const { createdAt, ttlMs, needsApproval, approvedBy } = job;
  const awaitsApproval = needsApproval === true && approvedBy === undefined;
  return withinSignatures(
    job,
    createdAt + (awaitsApproval ? ttlMs : Math.max(ttlMs, batchWaitMsMax)),
  );
}

function withinSignatures({ notAfter }: Job, end: number): number {
  return notAfter === undefined ? end : Math.min(end, Date.parse(notAfter));
}

/** The window over which agents spread their reconnects. */
export type ReconnectWindow = Pick<Pacing, "reconnectSeconds">;

/** When all agents that a restart of the control plane disconnected should be back. */
export function reconnectDeadline(now: number, { reconnectSeconds }: ReconnectWindow): number {
  return now + Math.max(recoveryGraceMs, reconnectSeconds * 1000 + connectTimeoutMs);
}

/** For a sent request: agents that hold responses get time to reconnect. */
export function deadlineAfterRestart(request: OpenRequest, job: Job, backBy: number): number {
  return Math.max(offlineDeadline(request, job), backBy);
}

/**
 * If the clock was set back while the control plane was down, deadlines must not move into the
 * future.
 */
export function clampToNow({ jobs, requests }: OpenJournal, now: number): OpenJournal {
  return {
    jobs: jobs.map((job) => ({
      ...job,
      createdAt: Math.min(job.createdAt, now),
      ...(job.all === undefined ? {} : { all: job.all.map((each) => endedBy(each, now)) }),
    })),
    requests: requests.map((request) => {
      const { sentAt, batchAt } = request;
      return {
        ...request,
        ...(sentAt === undefined ? {} : { sentAt: Math.min(sentAt, now) }),
        ...(batchAt === undefined ? {} : { batchAt: Math.min(batchAt, now) }),
      };
    }),
  };
}

function endedBy(status: RequestProgress, now: number): RequestProgress {
  const { endedAt } = status;
  return endedAt === undefined ? status : { ...status, endedAt: Math.min(endedAt, now) };
}
