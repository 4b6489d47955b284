/** Builds the job of a template. */
import type { JobRequest } from "../../protocol/api/jobs.ts";
import {
  missingPrompts,
  type TemplateRequest,
  type TemplateRun,
} from "../../protocol/api/templates.ts";
import { WsctlError } from "../../protocol/errors.ts";

/**
 * Fills in a template.
 * @throws {WsctlError} INVALID_PARAMETERS for a parameter that is missing or that the template does
 *   not ask for
 * @throws {WsctlError} MALFORMED without a target
 */
export function buildTemplateJob(
  { name, job, prompts }: TemplateRequest,
  { parameters: given, target = job.target, reason = job.reason, max_agents }: TemplateRun,
): JobRequest {
  const cannot = `Cannot run template "${name}"`;
  const surplus = Object.keys(given).find((key) => !Object.hasOwn(prompts, key));
  if (surplus !== undefined) {
    const names = Object.keys(prompts);
    const allowed = names.length === 0 ? "it takes none" : `it takes ${names.join(", ")}`;
    throw new WsctlError(
      "INVALID_PARAMETERS",
      `${cannot}: unknown parameter "${surplus}"; ${allowed}`,
    );
  }
  const missing = missingPrompts({ prompts, job }, given);
  if (missing.length > 0) {
    throw new WsctlError(
      "INVALID_PARAMETERS",
      `${cannot}: missing parameter ${missing.join(", ")}`,
    );
  }
  if (target === undefined) {
    const text = "it has no target. Specify --agent, --target or --all";
    throw new WsctlError("MALFORMED", `${cannot}: ${text}`);
  }
  const { reason: _reason, target: _target, parameters: defaults, ...rest } = job;
  const parameters = { ...defaults, ...given };
  return {
    ...rest,
    target,
    ...(Object.keys(parameters).length === 0 && defaults === undefined ? {} : { parameters }),
    ...(reason === undefined ? {} : { reason }),
    ...(max_agents === undefined ? {} : { max_agents }),
  };
}
