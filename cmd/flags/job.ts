/** What is to be run, on whom and how: the flags that make an order, the same wherever one is made. */
import type { ArgsDef } from "citty";
import * as v from "valibot";
import { JobOrder, type JobOrderInput } from "../../lib/protocol/api/jobs.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import { timeoutSecondsMax, ttlSecondsMax } from "../../lib/protocol/limits.ts";
import { issueText } from "../../lib/protocol/schemaError.ts";
import { usage } from "../cli/strictArgs.ts";
import { readStdin } from "../output/stdio.ts";
import { readFile } from "./connection.ts";
import { type RolloutFlags, rolloutArgs, rolloutOf } from "./rollout.ts";
import { type TargetFlags, targetArgs, targetOf } from "./target.ts";
import { parseObject, parseParams, parseSecondsWithin } from "./values.ts";

export const orderArgs = {
  ...targetArgs,
  param: {
    type: "string",
    valueHint: "KEY=VALUE",
    description: "a parameter; VALUE is JSON or else text; may be repeated",
  },
  params: {
    type: "string",
    valueHint: "JSON|@FILE|-",
    description: "all parameters as one JSON object",
  },
  timeout: {
    type: "string",
    valueHint: "TIME",
    description: "how long the command may run; by default what it asks for, or 30s",
  },
  ttl: {
    type: "string",
    default: "1h",
    valueHint: "TIME",
    description: "how long to wait for an agent that is away",
  },
  ...rolloutArgs,
} as const satisfies ArgsDef;

export interface OrderFlags extends TargetFlags, RolloutFlags {
  command: string;
  param: string[];
  params?: string | undefined;
  timeout?: string | undefined;
  ttl: string;
}

/** Throws `USAGE` naming the flag that is wrong. */
export function orderOf(options: OrderFlags): JobOrderInput {
  const order: JobOrderInput = {
    command: options.command,
    target: targetOf(options),
    ttl_seconds: parseSecondsWithin("ttl", options.ttl, ttlSecondsMax),
    ...rolloutOf(options),
    ...(options["require-online"] ? { require_online: true } : {}),
  };
  const { timeout } = options;
  if (timeout !== undefined) {
    order.timeout_seconds = parseSecondsWithin("timeout", timeout, timeoutSecondsMax);
  }
  const parameters = parametersOf(options);
  if (parameters !== undefined) order.parameters = parameters;
  const checked = v.safeParse(JobOrder, order);
  if (!checked.success) throw usage(`Cannot send: ${issueText(checked.issues[0])}`);
  return order;
}

function parametersOf(options: OrderFlags): JsonObject | undefined {
  const { params, param } = options;
  if (params === undefined) return param.length === 0 ? undefined : parseParams(param);
  if (param.length > 0) throw usage("Flags --param and --params exclude each other: give one kind");
  if (params === "-") return parseObject("standard input", readStdin());
  if (!params.startsWith("@")) return parseObject("its value", params);
  return parseObject(`file "${params.slice(1)}"`, readFile("params", params.slice(1)));
}
