/** Schedules of jobs, as requested by an operator and as shown. */
import * as v from "valibot";
import { timeoutSecondsDefault } from "../limits.ts";
import { AgentId, ResourceName } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { Timing } from "../timing.ts";
import { CommandSignatures } from "../wire/signedCommand.ts";
import { boundsRule, isBounded, type ScheduleTerms, signedBounds } from "../wire/signedSchedule.ts";
import { JobRequest } from "./jobs.ts";
import { agentsMax } from "./target.ts";
import { TemplateRun } from "./templates.ts";

export const jitterSecondsMax = 24 * 60 * 60;
/** Bounds the number of runs to search. */
export const startingDeadlineSecondsMax = 60 * 60;
const deadlineRule = `must be a number from 1 to ${startingDeadlineSecondsMax}, or null`;
const jitterRule = `must be a number from 0 to ${jitterSecondsMax}`;

/** The signed part of a schedule: its bounds, and signatures for each agent of its target. */
export const SignedScheduleRequest = v.pipe(
  v.strictObject({
    ...signedBounds,
    agents: v.pipe(
      v.array(
        v.strictObject({
          agent: AgentId,
          signatures: v.pipe(CommandSignatures, v.minLength(1, "must not be empty")),
        }),
      ),
      v.minLength(1, "must not be empty"),
      v.maxLength(agentsMax, `names more than ${agentsMax} agents`),
    ),
  }),
  v.check((signed) => isBounded(signed), boundsRule),
);
export type SignedScheduleRequest = v.InferOutput<typeof SignedScheduleRequest>;

const scheduleEntries = {
  name: ResourceName,
  timing: Timing,
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
  /** Signatures over its runs, for agents that take only signed commands. */
  signed: v.optional(SignedScheduleRequest),
} as const;

/** What a schedule keeps: its job, and the name of the template that the job was made from. */
export const ScheduleSpec = v.strictObject({
  ...scheduleEntries,
  job: JobRequest,
  template: v.optional(ResourceName),
});
export type ScheduleSpec = v.InferOutput<typeof ScheduleSpec>;

/** Returns what the signatures of a schedule cover, besides the agent and the command. */
export function scheduleTerms(
  spec: Omit<ScheduleSpec, "template">,
  { schedule_id, not_before, not_after, max_runs }: SignedScheduleRequest,
): ScheduleTerms {
  const { name, timing, starting_deadline_seconds, jitter_seconds, concurrency_policy } = spec;
  const { timeout_seconds = timeoutSecondsDefault, ttl_seconds } = spec.job;
  return {
    ...{ schedule_id, not_before, not_after, max_runs, name, timing, jitter_seconds },
    starting_deadline_seconds: starting_deadline_seconds ?? 0,
    ...{ concurrency_policy, timeout_seconds, ttl_seconds },
  };
}

/**
 * `POST /api/v1/schedules`. The job of a template is made when the schedule is created: a later
 * template of this name does not change it, because the schedule runs with the token of its
 * creator.
 */
export const ScheduleRequest = v.pipe(
  v.strictObject({
    ...scheduleEntries,
    job: v.optional(JobRequest),
    template: v.optional(v.strictObject({ name: ResourceName, ...TemplateRun.entries })),
  }),
  v.check(
    ({ job, template }) => (job === undefined) !== (template === undefined),
    'must have either "job" or "template"',
  ),
  v.check(
    ({ signed, job }) => signed === undefined || job !== undefined,
    'has "signed" without "job"',
  ),
  v.check(
    ({ signed, starting_deadline_seconds: deadline }) => signed === undefined || deadline !== null,
    'has "signed" without a limit in "starting_deadline_seconds"',
  ),
);
export type ScheduleRequest = v.InferOutput<typeof ScheduleRequest>;
export type ScheduleRequestInput = v.InferInput<typeof ScheduleRequest>;

/** The latest run, or why it was skipped. */
const ScheduleRun = v.object({
  /** When it was due. */
  due_at: Timestamp,
  /** The job that it created. */
  job_id: v.exactOptional(v.string()),
  /** `missed`, `already_running`, `paused`, or the code and message of an error. */
  skip_reason: v.exactOptional(v.string()),
});
export type ScheduleRun = v.InferOutput<typeof ScheduleRun>;

/** The bounds of a signed schedule, who signed it, and what is left of it. */
const SignedScheduleView = v.object({
  ...signedBounds,
  /** The ids of the keys that have signed. */
  keys: v.array(v.string()),
  /** How many more runs the control plane starts. Each agent counts on its own. */
  runs_left: v.number(),
  /** Only a few runs, or a small part of the time, are left. */
  ends_soon: v.exactOptional(v.literal(true)),
});

export const ScheduleView = v.object({
  ...ScheduleSpec.entries,
  signed: v.exactOptional(SignedScheduleView),
  created_at: Timestamp,
  created_by: v.string(),
  /** Absent if the schedule is paused or has no further run. */
  next_at: v.exactOptional(Timestamp),
  paused_at: v.exactOptional(Timestamp),
  /** Why wsctl paused the schedule; absent if an operator did. */
  pause_reason: v.exactOptional(v.string()),
  last_run: v.exactOptional(ScheduleRun),
});
export type ScheduleView = v.InferOutput<typeof ScheduleView>;
