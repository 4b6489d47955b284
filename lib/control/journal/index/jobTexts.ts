/** What jobs store as one text in the index: the target, and what few of them have. */
import type { Job } from "../../core/model.ts";

/** What no statement asks for. The fingerprint is the one of the idempotency key. */
export interface JobOptions
  extends Pick<
    Job,
    | "reason"
    | "batch"
    | "maxFailures"
    | "waves"
    | "batchPauseMs"
    | "canary"
    | "canaryPauseMs"
    | "priority"
    | "requireOnline"
    | "retryOf"
    | "template"
    | "traceparent"
    | "needsApproval"
    | "notAfter"
    | "signedRun"
  > {
  fingerprint?: string;
}

/** Returns null for a job that has no options. */
export function optionsText(job: Job): string | null {
  const { reason, batch, maxFailures, waves, batchPauseMs, canary, canaryPauseMs } = job;
  const { priority, retryOf, template, traceparent, notAfter, signedRun } = job;
  const fingerprint = job.idempotency?.fingerprint;
  const options: { [Name in keyof JobOptions]: JobOptions[Name] | undefined } = {
    ...{ reason, batch, maxFailures, waves, batchPauseMs, canary, canaryPauseMs, priority },
    ...{ retryOf, template, traceparent, notAfter, signedRun, fingerprint },
    requireOnline: job.requireOnline || undefined,
    needsApproval: job.needsApproval || undefined,
  };
  const text = JSON.stringify(options);
  return text === "{}" ? null : text;
}

export function readOptions(text: string | null): JobOptions {
  return text === null ? {} : (JSON.parse(text) as JobOptions);
}

/** A single agent by its id, any other target as JSON. */
export function targetText(target: Job["target"]): string {
  const [agent, ...others] = target.agents ?? [];
  const isOne = agent !== undefined && others.length === 0 && Object.keys(target).length === 1;
  return isOne && !agent.startsWith("{") ? agent : JSON.stringify(target);
}

export function readTarget(text: string): Job["target"] {
  return text.startsWith("{") ? JSON.parse(text) : { agents: [text] };
}
