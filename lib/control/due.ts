/** Until when a request is waited for, by what is known of it. Pure; times as everywhere. */
import { answerGraceMs } from "../protocol/limits.ts";
import { timestamp } from "../protocol/timestamp.ts";
import type { Job, OpenRequest } from "./records.ts";

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

export function expiresAt(job: Job): number {
  return job.createdAt + job.ttlMs;
}

/** The same as an agent of `wsctl.v1` is told. */
export function v1Fields(job: Job): { timeout_seconds: number; expires_at: string } {
  return { timeout_seconds: job.timeoutMs / 1000, expires_at: timestamp(expiresAt(job)) };
}
