/** When a stored schedule runs next. */

import { nextAfter } from "../../timing/dueTimes.ts";
import type { StoredSchedule } from "../journal/tables/scheduleTable.ts";
import { computeJitter } from "./nextRun.ts";

/** The time from which its intervals are counted. */
export function beginningOf({ createdAt, setBack }: StoredSchedule): number {
  return setBack === undefined ? createdAt : Math.min(createdAt, setBack.at);
}

/** Returns the schedule with an earlier next run; undefined if nothing changes. */
export function replanned(schedule: StoredSchedule, now: number): StoredSchedule | undefined {
  const { nextAt, setBack, createdAt, order } = schedule;
  if (nextAt === undefined) return undefined;
  const at = Math.min(setBack?.at ?? createdAt, now);
  const next = nextAfter(order.timing, at, now);
  if (next === undefined || next >= nextAt) return undefined;
  return { ...schedule, nextAt: next, setBack: { at, count: (setBack?.count ?? 0) + 1 } };
}

/** The due time including the jitter. */
export function dueAt({ scheduleId, nextAt, order }: StoredSchedule): number | undefined {
  if (nextAt === undefined) return undefined;
  return nextAt + computeJitter(scheduleId, nextAt, order.jitter_seconds * 1000);
}
