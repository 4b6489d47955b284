/** Until when a request is waited for, by what is known of it. Pure; times as everywhere. */
import { answerGraceMs, recoveryGraceMs } from "../protocol/limits.ts";
import type { Job, OpenJournal, OpenRequest } from "./records.ts";

/** A moment at least, and in no case past the bound that ends every request. */
export function dueWithin(job: Job, due: number, current: number | undefined, now: number): number {
  const bound = expiresAt(job) + job.timeoutMs + 2 * answerGraceMs;
  return Math.min(Math.max(due, now + answerGraceMs), Math.max(bound, current ?? 0));
}

/** While the agent is away: until nothing it might still do or say would be in time. */
export function dueWhileAway(request: OpenRequest, job: Job): number {
  const unrepeated = dueUnrepeated(request, job);
  if (request.journalId === undefined) return unrepeated;
  return Math.max(expiresAt(job) + answerGraceMs, unrepeated);
}

/** For a request that is not sent again: the time it was given, and a moment for the answer. */
export function dueUnrepeated(request: OpenRequest, job: Job): number {
  return (request.sentAt ?? job.createdAt) + job.timeoutMs + answerGraceMs;
}

/** Signatures may be void before the time to live is over. */
export function expiresAt({ createdAt, ttlMs, notAfter }: Job): number {
  const end = createdAt + ttlMs;
  return notAfter === undefined ? end : Math.min(end, Date.parse(notAfter));
}

/** After a restart of the control plane agents that hold answers are given time to return. */
export function dueAfterRestart(request: OpenRequest, job: Job, now: number): number {
  if (request.state === "queued") return expiresAt(job);
  return Math.max(dueWhileAway(request, job), now + recoveryGraceMs);
}

/** A clock that was set back while nobody ran must not put any end off. */
export function notAhead({ jobs, requests }: OpenJournal, now: number): OpenJournal {
  return {
    jobs: jobs.map((job) => ({ ...job, createdAt: Math.min(job.createdAt, now) })),
    requests: requests.map((request) => {
      const { sentAt } = request;
      return sentAt === undefined ? { ...request } : { ...request, sentAt: Math.min(sentAt, now) };
    }),
  };
}
