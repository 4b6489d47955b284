/**
 * Schedules that operators sign end to end. The signature covers the agent, the command, its exact
 * parameters, when it is due and within which bounds it may run, so that the control plane can only
 * start a run that is due, and each of them once.
 */
import * as v from "valibot";
import type { JsonObject } from "../json.ts";
import { timeoutSecondsMax, ttlSecondsMax } from "../limits.ts";
import { ResourceName } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { Timing } from "../timing.ts";
import { canonicalJson } from "./signedCommand.ts";

/** The bounds that every signed schedule has: no signature allows runs without an end. */
export const signedRunsMax = 100_000;
export const signedDaysMax = 366;

/** A run may start this much before its due time by the agent's clock, because clocks differ. */
export const scheduleSkewMs = 60_000;

const dayMs = 24 * 60 * 60 * 1000;
const runsRule = `must be a whole number from 1 to ${signedRunsMax}`;
const Delay = v.pipe(v.number(), v.minValue(0), v.maxValue(ttlSecondsMax));

/** The bounds of a signed schedule. */
export const signedBounds = {
  /** Identifies the signed schedule: the agent counts its runs by it. */
  schedule_id: v.pipe(v.string(), v.uuid("must be a UUID")),
  /** No run is due earlier. Intervals are counted from here. */
  not_before: Timestamp,
  /** No run starts later. */
  not_after: Timestamp,
  /** How many runs may start on each agent. */
  max_runs: v.pipe(
    v.number(runsRule),
    v.integer(runsRule),
    v.minValue(1, runsRule),
    v.maxValue(signedRunsMax, runsRule),
  ),
} as const;

/** Whether the bounds have an order and are not too far apart. */
export function isBounded({ not_before, not_after }: { not_before: string; not_after: string }) {
  const ms = Date.parse(not_after) - Date.parse(not_before);
  return ms > 0 && ms <= signedDaysMax * dayMs;
}

export const boundsRule = `must have "not_after" after "not_before", by at most ${signedDaysMax} days`;

/** What operators sign of a schedule, besides the agent and the command. */
export const ScheduleTerms = v.pipe(
  v.object({
    ...signedBounds,
    name: ResourceName,
    timing: Timing,
    starting_deadline_seconds: Delay,
    jitter_seconds: Delay,
    /** With `forbid`, the agent refuses a run while an earlier one is open. */
    concurrency_policy: v.picklist(["forbid", "allow", "replace"]),
    timeout_seconds: v.pipe(v.number(), v.minValue(0), v.maxValue(timeoutSecondsMax)),
    ttl_seconds: Delay,
  }),
  v.check((terms) => isBounded(terms), boundsRule),
);
export type ScheduleTerms = v.InferOutput<typeof ScheduleTerms>;

export interface ScheduleSubject {
  agent: string;
  command: string;
  parameters: JsonObject;
  schedule: ScheduleTerms;
}

/**
 * Returns the bytes to sign: a prefix with the purpose, and the subject in canonical JSON (RFC
 * 8785).
 */
export function scheduleBytes({ agent, command, parameters, schedule }: ScheduleSubject) {
  const { schedule_id, not_before, not_after, max_runs, name, timing } = schedule;
  const { starting_deadline_seconds, jitter_seconds, concurrency_policy } = schedule;
  const { timeout_seconds, ttl_seconds } = schedule;
  const exact = {
    ...{ schedule_id, not_before, not_after, max_runs, name, timing },
    ...{ starting_deadline_seconds, jitter_seconds, concurrency_policy },
    ...{ timeout_seconds, ttl_seconds },
  };
  const subject = { agent, command, parameters, schedule: exact };
  return Buffer.from(`wsctl schedule\n${canonicalJson(subject)}`);
}

/**
 * Returns the latest time at which a run may start: its jitter, its starting deadline and its time
 * to live after it was due, and never after the signed end. Milliseconds since 1970.
 */
export function latestStart(terms: ScheduleTerms, dueAt: number): number {
  const { jitter_seconds, starting_deadline_seconds, ttl_seconds, not_after } = terms;
  const delayMs = (jitter_seconds + starting_deadline_seconds + ttl_seconds) * 1000;
  return Math.min(Date.parse(not_after), dueAt + delayMs);
}
