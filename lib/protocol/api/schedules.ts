/** Jobs that are asked for again and again, or later: what an operator says, and what is shown. */
import * as v from "valibot";
import { isTimestamp } from "../timestamp.ts";
import { JobRequest } from "./jobs.ts";

const nameRule = "must be letters, digits, '.', '_' or '-', at most 64 of them";
const everySecondsMax = 366 * 24 * 60 * 60;
const everyRule = `must be a number from 1 to ${everySecondsMax}`;
export const jitterSecondsMax = 24 * 60 * 60;
/** A longer one would have too many runs to look through. */
export const startingDeadlineSecondsMax = 60 * 60;
const deadlineRule = `must be a number from 1 to ${startingDeadlineSecondsMax}, or null`;
const jitterRule = `must be a number from 0 to ${jitterSecondsMax}`;

export const ScheduleName = v.pipe(
  v.string("must be a string"),
  v.regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i, nameRule),
);

/** When: one of these. */
export const Timing = v.union(
  [
    /** Five fields, or six with seconds in front; in this time zone, by default UTC. */
    v.strictObject({
      cron: v.pipe(v.string(), v.maxLength(256)),
      time_zone: v.optional(v.pipe(v.string(), v.maxLength(64)), "UTC"),
    }),
    v.strictObject({
      every_seconds: v.pipe(
        v.number(everyRule),
        v.minValue(1, everyRule),
        v.maxValue(everySecondsMax, everyRule),
      ),
    }),
    v.strictObject({
      at: v.pipe(v.string(), v.check(isTimestamp, "must be ISO 8601 in UTC")),
    }),
  ],
  'must be {"cron": "0 3 * * *", "time_zone": "Europe/Berlin"}, {"every_seconds": 900} or {"at": "2026-01-02T03:04:05Z"}',
);
export type Timing = v.InferOutput<typeof Timing>;

/** `POST /api/v1/schedules`. */
export const ScheduleRequest = v.strictObject({
  name: ScheduleName,
  timing: Timing,
  job: JobRequest,
  /**
   * A run that is later than this is skipped; null: the latest that was missed is started however
   * late it is.
   */
  starting_deadline_seconds: v.optional(
    v.nullable(
      v.pipe(
        v.number(deadlineRule),
        v.minValue(1, deadlineRule),
        v.maxValue(startingDeadlineSecondsMax, deadlineRule),
      ),
    ),
    60,
  ),
  /** While the job of the run before is open: skip the run, start it, or cancel that job. */
  concurrency_policy: v.optional(
    v.picklist(["forbid", "allow", "replace"], 'must be "forbid", "allow" or "replace"'),
    "forbid",
  ),
  /** Each run is so late at most, by a measure of its own. */
  jitter_seconds: v.optional(
    v.pipe(
      v.number(jitterRule),
      v.minValue(0, jitterRule),
      v.maxValue(jitterSecondsMax, jitterRule),
    ),
    0,
  ),
});
export type ScheduleRequest = v.InferOutput<typeof ScheduleRequest>;
export type ScheduleRequestInput = v.InferInput<typeof ScheduleRequest>;

/** The latest run, or why there was none. */
export interface ScheduleRun {
  /** When it came due. */
  due_at: string;
  /** Of the job that it asked for. */
  job_id?: string;
  /** `missed`, `already_running`, `paused`, or the code and sentence of a refusal. */
  skip_reason?: string;
}

export interface ScheduleView extends ScheduleRequest {
  created_at: string;
  created_by: string;
  /** Absent where it is paused, or has nothing more to come. */
  next_at?: string;
  paused_at?: string;
  /** Why it was paused, where nobody did. */
  pause_reason?: string;
  last_run?: ScheduleRun;
}
