/** How a job is cut into turns, as it is asked for, kept and shown. */
import type { JobRequest } from "../../../protocol/api/jobs.ts";
import { resolveCount } from "../../../protocol/api/target.ts";
import type { JobView } from "../../../protocol/api/views.ts";
import type { Job } from "../model.ts";

type RolloutView = Pick<
  JobView,
  "batch" | "waves" | "pause_between_seconds" | "canary" | "canary_wait_seconds" | "max_failures"
>;

type RolloutFields =
  | "batch"
  | "waves"
  | "pauseBetweenMs"
  | "canary"
  | "canaryWaitMs"
  | "maxFailures";

/** At least one at a time and one to go first, and never more failures than were meant. */
export function parseRollout(order: JobRequest, total: number): Pick<Job, RolloutFields> {
  const { batch, canary, max_failures: most, waves } = order;
  const { pause_between_seconds: pause, canary_wait_seconds: wait } = order;
  return {
    ...(batch === undefined ? {} : { batch: atLeastOne(batch, total) }),
    ...(waves || pause !== undefined ? { waves: true } : {}),
    ...(pause === undefined ? {} : { pauseBetweenMs: pause * 1000 }),
    ...(canary === undefined ? {} : { canary: atLeastOne(canary, total) }),
    ...(wait === undefined ? {} : { canaryWaitMs: wait * 1000 }),
    ...(most === undefined ? {} : { maxFailures: Math.floor(resolveCount(most, total)) }),
  };
}

export function rolloutView(job: Job): RolloutView {
  const { batch, waves, pauseBetweenMs, canary, canaryWaitMs, maxFailures } = job;
  return {
    ...(batch === undefined ? {} : { batch }),
    ...(waves ? { waves } : {}),
    ...(pauseBetweenMs === undefined ? {} : { pause_between_seconds: pauseBetweenMs / 1000 }),
    ...(canary === undefined ? {} : { canary }),
    ...(canaryWaitMs === undefined ? {} : { canary_wait_seconds: canaryWaitMs / 1000 }),
    ...(maxFailures === undefined ? {} : { max_failures: maxFailures }),
  };
}

function atLeastOne(part: number | string, total: number): number {
  return Math.max(1, Math.ceil(resolveCount(part, total)));
}
