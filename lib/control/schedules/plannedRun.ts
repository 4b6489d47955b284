/** When a stored schedule runs next. */
import { nextAfter } from "../../timing/dueTimes.ts";
import type { StoredSchedule } from "../journal/tables/scheduleTable.ts";
import { computeJitter } from "./nextRun.ts";

/** A run that is later than this is missed. */
export const lookBackMs = 60_000;

/** Returns the first due time after a time; undefined if the schedule has no further run. */
export function nextDue(schedule: StoredSchedule, after: number): number | undefined {
  const { spec, runs = 0 } = schedule;
  const { timing, signed } = spec;
  const begin = beginningOf(schedule);
  if (signed === undefined) return nextAfter(timing, begin, after);
  if (runs >= signed.max_runs) return undefined;
  const next = nextAfter(timing, begin, Math.max(after, begin - 1));
  return next === undefined || next > Date.parse(signed.not_after) ? undefined : next;
}

/** Returns the schedule with an earlier next run; undefined if nothing changes. */
export function replanned(schedule: StoredSchedule, now: number): StoredSchedule | undefined {
  const { nextAt, setBack, createdAt, spec, last } = schedule;
  if (nextAt === undefined) return undefined;
  const at = Math.min(setBack?.at ?? createdAt, now);
  // Agents refuse a due time of a signed schedule that has been before.
  const next =
    spec.signed === undefined
      ? nextAfter(spec.timing, at, now)
      : nextDue(schedule, Math.max(now, last?.jobId === undefined ? 0 : last.dueAt));
  if (next === undefined || next >= nextAt) return undefined;
  return { ...schedule, nextAt: next, setBack: { at, count: (setBack?.count ?? 0) + 1 } };
}

/**
 * Returns the latest due run that is not late, since only one of several due runs starts. Undefined
 * if all were missed.
 */
export function latestDue(
  schedule: StoredSchedule,
  first: number,
  now: number,
): number | undefined {
  const { spec, scheduleId } = schedule;
  const jitterMs = spec.jitter_seconds * 1000;
  const isDue = (at: number | undefined): at is number =>
    at !== undefined && at + computeJitter(scheduleId, at, jitterMs) <= now;
  const after = (at: number) => nextDue(schedule, at);
  const deadlineMs = (spec.starting_deadline_seconds ?? lookBackMs / 1000) * 1000;
  const isLate = now - first - jitterMs > deadlineMs;
  let latest = isLate ? after(now - deadlineMs - jitterMs) : first;
  if (!isDue(latest)) return undefined;
  for (let next = after(latest); isDue(next); next = after(latest)) latest = next;
  return latest;
}

/** The due time including the jitter. */
export function dueAt(schedule: StoredSchedule): number | undefined {
  const { scheduleId, nextAt, pausedAt, spec } = schedule;
  if (nextAt === undefined || pausedAt !== undefined) return undefined;
  return nextAt + computeJitter(scheduleId, nextAt, spec.jitter_seconds * 1000);
}

/** The time from which its intervals are counted. */
function beginningOf({ createdAt, setBack, spec: { signed } }: StoredSchedule): number {
  if (signed !== undefined) return Date.parse(signed.not_before);
  return setBack === undefined ? createdAt : Math.min(createdAt, setBack.at);
}
