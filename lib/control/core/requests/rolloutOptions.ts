/** Converts the rollout options of a job between their requested, stored and displayed forms. */
import type { JobRequest } from "../../../protocol/api/jobs.ts";
import { resolveCount } from "../../../protocol/api/target.ts";
import type { JobView } from "../../../protocol/api/views.ts";
import type { Job } from "../model.ts";

type RolloutFields =
  | "batch"
  | "waves"
  | "batchPauseMs"
  | "canary"
  | "canaryPauseMs"
  | "maxFailures";

/** Counts are at least one; the number of failures is rounded down. */
export function parseRollout(jobRequest: JobRequest, total: number): Pick<Job, RolloutFields> {
  const { batch, canary, max_failures: most, waves, ...pauses } = jobRequest.rollout ?? {};
  const { batch_pause_seconds: pause, canary_pause_seconds: wait } = pauses;
  return {
    ...(batch === undefined ? {} : { batch: atLeastOne(batch, total) }),
    ...(waves || pause !== undefined ? { waves: true } : {}),
    ...(pause === undefined ? {} : { batchPauseMs: pause * 1000 }),
    ...(canary === undefined ? {} : { canary: atLeastOne(canary, total) }),
    ...(wait === undefined ? {} : { canaryPauseMs: wait * 1000 }),
    ...(most === undefined ? {} : { maxFailures: Math.floor(resolveCount(most, total)) }),
  };
}

export function rolloutView(job: Job): Pick<JobView, "rollout"> {
  const { batch, waves, batchPauseMs, canary, canaryPauseMs, maxFailures } = job;
  const rollout = {
    ...(batch === undefined ? {} : { batch }),
    ...(waves ? { waves } : {}),
    ...(batchPauseMs === undefined ? {} : { batch_pause_seconds: batchPauseMs / 1000 }),
    ...(canary === undefined ? {} : { canary }),
    ...(canaryPauseMs === undefined ? {} : { canary_pause_seconds: canaryPauseMs / 1000 }),
    ...(maxFailures === undefined ? {} : { max_failures: maxFailures }),
  };
  return Object.keys(rollout).length === 0 ? {} : { rollout };
}

function atLeastOne(part: number | string, total: number): number {
  return Math.max(1, Math.ceil(resolveCount(part, total)));
}
