/** Schedules of jobs, as requested by an operator and as shown. */
import * as v from "valibot";
import { isTimestamp } from "../timestamp.ts";
import { JobRequest } from "./jobs.ts";

const nameRule = "must be letters, digits, '.', '_' or '-', at most 64 of them";
const everySecondsMax = 366 * 24 * 60 * 60;
const everyRule = `must be a number from 1 to ${everySecondsMax}`;
export const jitterSecondsMax = 24 * 60 * 60;
/** Bounds the number of runs to search. */
export const startingDeadlineSecondsMax = 60 * 60;
const deadlineRule = `must be a number from 1 to ${startingDeadlineSecondsMax}, or null`;
const jitterRule = `must be a number from 0 to ${jitterSecondsMax}`;

const ScheduleName = v.pipe(
  v.string("must be a string"),
  v.regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/i, nameRule),
);

/** When a schedule runs: one of these forms. */
export const Timing = v.union(
  [
    /**
     * A cron expression with five fields, or six with seconds first, in this time zone (default
     * UTC).
     */
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
  /** A run that is later than this is skipped. If null, the latest missed run always starts. */
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
  /** What to do if the previous job is still open: skip the run, start it, or cancel that job. */
  concurrency_policy: v.optional(
    v.picklist(["forbid", "allow", "replace"], 'must be "forbid", "allow" or "replace"'),
    "forbid",
  ),
  /** The maximum delay of a run, which is pseudo-random per run. */
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

/** The latest run, or why it was skipped. */
export interface ScheduleRun {
  /** When it was due. */
  due_at: string;
  /** The job that it created. */
  job_id?: string;
  /** `missed`, `already_running`, `paused`, or the code and message of an error. */
  skip_reason?: string;
}

export interface ScheduleView extends ScheduleRequest {
  created_at: string;
  created_by: string;
  /** Absent if the schedule is paused or has no further run. */
  next_at?: string;
  paused_at?: string;
  /** Why wsctl paused the schedule; absent if an operator did. */
  pause_reason?: string;
  last_run?: ScheduleRun;
}
