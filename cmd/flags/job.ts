/** The flags that define a job: its command, parameters, target and limits. */
import type { ArgsDef } from "citty";
import * as v from "valibot";
import { JobRequest, type JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import { timeoutSecondsMax, ttlSecondsMax } from "../../lib/protocol/limits.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { usage } from "../cli/strictArgs.ts";
import { readStdin } from "../output/stdio.ts";
import { readFile } from "./connection.ts";
import { parseRollout, type RolloutFlags, rolloutArgs } from "./rollout.ts";
import { parseTarget, type TargetFlags, targetArgs } from "./target.ts";
import { parseObject, parseParams, parseSecondsWithin } from "./values.ts";

/** The limits and the rollout of a job. */
export const runArgs = {
  timeout: {
    type: "string",
    valueHint: "TIME",
    description: "maximum run time; default: the command's own, or 30s",
  },
  ttl: {
    type: "string",
    valueHint: "TIME",
    description:
      "how long to wait for offline agents; default: 30s, and the job stays queued for 1h",
  },
  reason: {
    type: "string",
    valueHint: "TEXT",
    description: "why, such as a ticket; kept with the job and in the audit trail",
  },
  ...rolloutArgs,
} as const satisfies ArgsDef;

export const jobArgs = {
  ...targetArgs,
  param: {
    type: "string",
    valueHint: "KEY=VALUE",
    description: "parameter; VALUE is JSON, otherwise text (repeatable)",
  },
  params: {
    type: "string",
    valueHint: "JSON|@FILE|-",
    description: "all parameters as a JSON object",
  },
  force: {
    type: "boolean",
    description: "send a command that no agent of the target announced, although some are offline",
  },
  ...runArgs,
} as const satisfies ArgsDef;

/** The target, the limits and the rollout of a job. */
export interface RunFlags extends TargetFlags, RolloutFlags {
  timeout?: string | undefined;
  force?: boolean | undefined;
  ttl?: string | undefined;
  reason?: string | undefined;
}

export interface JobFlags extends RunFlags {
  command: string;
  param: string[];
  params?: string | undefined;
}

/** @throws {WsctlError} USAGE with the invalid flag. */
export function parseJobFlags(options: JobFlags): JobRequestInput {
  return buildJobRequest(options.command, options, () => parseParameters(options));
}

/**
 * Builds the request for a command. The parameters are read last, because they may come from a
 * pipe.
 * @throws {WsctlError} USAGE with the invalid flag.
 */
export function buildJobRequest(
  command: string,
  options: RunFlags,
  readParameters: () => JsonObject | undefined,
): JobRequestInput {
  const jobRequest: JobRequestInput = {
    command,
    target: parseTarget(options),
    ...parseRollout(options),
    ...(options["require-online"] ? { require_online: true } : {}),
  };
  const { timeout, ttl } = options;
  if (ttl !== undefined) jobRequest.ttl_seconds = parseSecondsWithin("ttl", ttl, ttlSecondsMax);
  if (options.force) jobRequest.force = true;
  if (options.reason !== undefined) jobRequest.reason = options.reason;
  if (timeout !== undefined) {
    jobRequest.timeout_seconds = parseSecondsWithin("timeout", timeout, timeoutSecondsMax);
  }
  const parameters = readParameters();
  if (parameters !== undefined) jobRequest.parameters = parameters;
  const checked = v.safeParse(JobRequest, jobRequest);
  if (!checked.success) throw usage(`Cannot send: ${formatIssue(checked.issues[0])}`);
  return jobRequest;
}

/** @throws {WsctlError} USAGE with the invalid flag. */
export function parseParameters(
  options: Pick<JobFlags, "param" | "params">,
): JsonObject | undefined {
  const { params, param } = options;
  if (params === undefined) return param.length === 0 ? undefined : parseParams(param);
  if (param.length > 0)
    throw usage("Flags --param and --params cannot be combined: specify one of them");
  if (params === "-") return parseObject("standard input", readStdin());
  if (!params.startsWith("@")) return parseObject("its value", params);
  return parseObject(`file "${params.slice(1)}"`, readFile("params", params.slice(1)));
}
