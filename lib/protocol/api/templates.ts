/** Templates: jobs that are saved under a name and run with some values filled in. */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { Reason, ResourceName } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { JobRequest } from "./jobs.ts";
import { Target } from "./target.ts";

/** A parameter that a run fills in. */
const Prompt = v.strictObject({
  /** What to fill in, for people. */
  description: v.optional(v.pipe(v.string(), v.maxLength(500))),
});

const { signed: _signed, target: _target, max_agents: _max, ...jobEntries } = JobRequest.entries;

/** `POST /api/v1/templates`. */
export const TemplateRequest = v.strictObject({
  name: ResourceName,
  description: v.optional(v.pipe(v.string(), v.maxLength(500))),
  /** The job. Its parameters are defaults; without a target, each run names one. */
  job: v.strictObject({ ...jobEntries, target: v.optional(Target) }),
  /** Parameters that a run must fill in, unless the job has a default for them. */
  prompts: v.optional(v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(128)), Prompt), {}),
});
export type TemplateRequest = v.InferOutput<typeof TemplateRequest>;
export type TemplateRequestInput = v.InferInput<typeof TemplateRequest>;

/** `POST /api/v1/templates/NAME/run`. */
export const TemplateRun = v.strictObject({
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object"), {}),
  target: v.optional(Target),
  reason: v.optional(Reason),
  /** Rejects the job if the target selects more agents. */
  max_agents: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type TemplateRun = v.InferOutput<typeof TemplateRun>;
export type TemplateRunInput = v.InferInput<typeof TemplateRun>;

export const TemplateView = v.object({
  ...TemplateRequest.entries,
  created_at: Timestamp,
  created_by: v.string(),
  created_by_name: v.exactOptional(v.string()),
});
export type TemplateView = v.InferOutput<typeof TemplateView>;

/** Returns the prompts that have neither a value nor a default. */
export function missingPrompts(
  { prompts, job }: Pick<TemplateRequest, "prompts" | "job">,
  given: JsonObject,
): string[] {
  const filled = { ...job.parameters, ...given };
  return Object.keys(prompts).filter((name) => !Object.hasOwn(filled, name));
}
