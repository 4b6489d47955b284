/** Until when a request is waited for, by what is known of it. Pure; times as everywhere. */
import { answerGraceMs, dialMs, recoveryGraceMs, turnMsMax } from "../../../protocol/limits.ts";
import type { Advice } from "../agents/pacing.ts";
import type { Job, OpenJournal, OpenRequest, Standing } from "../model.ts";

/** A moment at least, and in no case past the bound that ends every request. */
export function dueWithin(
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
export function dueWhileAway(request: OpenRequest, job: Job): number {
  const unrepeated = dueUnrepeated(request, job);
  if (request.journalId === undefined) return unrepeated;
  return Math.max(expiresAt(request, job) + answerGraceMs, unrepeated);
}

/** For a request that is not sent again: the time it was given, and a moment for the answer. */
export function dueUnrepeated(request: OpenRequest, job: Job): number {
  return (request.sentAt ?? job.createdAt) + job.timeoutMs + answerGraceMs;
}

/**
 * Its time to live is what it may wait for its agent: from the job's acceptance, or from its own
 * turn. Signatures may be void before.
 */
export function expiresAt({ turnAt }: OpenRequest, job: Job): number {
  return beforeVoid(job, (turnAt ?? job.createdAt) + job.ttlMs);
}

/** Until when a request waits for its turn: for an approval no longer than for an agent. */
export function heldUntil(job: Job): number {
  const { createdAt, ttlMs, needsApproval, approvedBy } = job;
  const awaitsApproval = needsApproval === true && approvedBy === undefined;
  return beforeVoid(job, createdAt + (awaitsApproval ? ttlMs : Math.max(ttlMs, turnMsMax)));
}

function beforeVoid({ notAfter }: Job, end: number): number {
  return notAfter === undefined ? end : Math.min(end, Date.parse(notAfter));
}

/** Over how many seconds agents are advised to spread their return. */
export type Spread = Pick<Advice, "reconnectSeconds">;

/** When all agents may be expected to be back that a restart of the control plane has cut off. */
export function allBackBy(now: number, { reconnectSeconds }: Spread): number {
  return now + Math.max(recoveryGraceMs, reconnectSeconds * 1000 + dialMs);
}

/** For what was sent: agents that hold answers are given time to return. */
export function dueAfterRestart(request: OpenRequest, job: Job, backBy: number): number {
  return Math.max(dueWhileAway(request, job), backBy);
}

/** A clock that was set back while nobody ran must not put any end off. */
export function notAhead({ jobs, requests }: OpenJournal, now: number): OpenJournal {
  return {
    jobs: jobs.map((job) => ({
      ...job,
      createdAt: Math.min(job.createdAt, now),
      ...(job.all === undefined ? {} : { all: job.all.map((each) => endedBy(each, now)) }),
    })),
    requests: requests.map((request) => {
      const { sentAt, turnAt } = request;
      return {
        ...request,
        ...(sentAt === undefined ? {} : { sentAt: Math.min(sentAt, now) }),
        ...(turnAt === undefined ? {} : { turnAt: Math.min(turnAt, now) }),
      };
    }),
  };
}

function endedBy(standing: Standing, now: number): Standing {
  const { endedAt } = standing;
  return endedAt === undefined ? standing : { ...standing, endedAt: Math.min(endedAt, now) };
}
