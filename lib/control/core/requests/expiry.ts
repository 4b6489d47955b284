/** Until when a request is waited for, by what is known of it. Pure; times as everywhere. */
import {
  answerGraceMs,
  batchWaitMsMax,
  connectTimeoutMs,
  recoveryGraceMs,
} from "../../../protocol/limits.ts";
import type { Pacing } from "../agents/pacing.ts";
import type { Job, OpenJournal, OpenRequest, RequestProgress } from "../model.ts";

/** A moment at least, and in no case past the bound that ends every request. */
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

/** While the agent is away: until nothing it might still do or say would be in time. */
export function offlineDeadline(request: OpenRequest, job: Job): number {
  const unrepeated = singleSendDeadline(request, job);
  if (request.journalId === undefined) return unrepeated;
  return Math.max(expiresAt(request, job) + answerGraceMs, unrepeated);
}

/** For a request that is not sent again: the time it was given, and a moment for the answer. */
export function singleSendDeadline(request: OpenRequest, job: Job): number {
  return (request.sentAt ?? job.createdAt) + job.timeoutMs + answerGraceMs;
}

/**
 * Its time to live is what it may wait for its agent: from the job's acceptance, or from its own
 * turn. Signatures may be void before.
 */
export function expiresAt({ batchAt }: OpenRequest, job: Job): number {
  return withinSignatures(job, (batchAt ?? job.createdAt) + job.ttlMs);
}

/** Until when a request waits for its turn: for an approval no longer than for an agent. */
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

/** Over how many seconds agents are advised to spread their return. */
export type ReconnectWindow = Pick<Pacing, "reconnectSeconds">;

/** When all agents may be expected to be back that a restart of the control plane has cut off. */
export function reconnectDeadline(now: number, { reconnectSeconds }: ReconnectWindow): number {
  return now + Math.max(recoveryGraceMs, reconnectSeconds * 1000 + connectTimeoutMs);
}

/** For what was sent: agents that hold answers are given time to return. */
export function deadlineAfterRestart(request: OpenRequest, job: Job, backBy: number): number {
  return Math.max(offlineDeadline(request, job), backBy);
}

/** A clock that was set back while nobody ran must not put any end off. */
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
