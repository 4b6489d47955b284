/**
 * What an operator asks for: `POST /api/v1/jobs` and its like, as schemas from which the types are
 * inferred; both ends use them.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { timeoutSecondsMax, ttlSecondsDefault, ttlSecondsMax } from "../limits.ts";
import { AgentId, CommandName } from "../names.ts";
import { isTimestamp } from "../timestamp.ts";
import { CommandSignatures } from "../wire/signedCommand.ts";
import { agentsMax, parseCountOrPercentage, Target } from "./target.ts";

/** Whose requests go first where several wait for one agent. */
export const Priority = v.picklist(["high", "normal", "low"], 'must be "high", "normal" or "low"');
export type Priority = v.InferOutput<typeof Priority>;

export function seconds(most: number) {
  const rule = `must be a number from 1 to ${most}`;
  return v.pipe(v.number(rule), v.minValue(1, rule), v.maxValue(most, rule));
}

const pauseRule = `must be a number from 0 to ${ttlSecondsMax}`;
const pauseSeconds = v.pipe(
  v.number(pauseRule),
  v.minValue(0, pauseRule),
  v.maxValue(ttlSecondsMax, pauseRule),
);

/** What an operator has signed of a job: one request for each agent of its target. */
export const SignedJobRequest = v.strictObject({
  not_after: v.pipe(v.string(), v.check(isTimestamp, "must be ISO 8601 in UTC")),
  requests: v.pipe(
    v.array(
      v.strictObject({
        agent: AgentId,
        request_id: v.pipe(v.string(), v.uuid("must be a UUID")),
        signatures: v.pipe(CommandSignatures, v.minLength(1, "must not be empty")),
      }),
    ),
    v.minLength(1, "must not be empty"),
    v.maxLength(agentsMax, `names more than ${agentsMax} agents`),
  ),
});
export type SignedJobRequest = v.InferOutput<typeof SignedJobRequest>;

/** How a job is spread over its agents. */
const Rollout = v.pipe(
  v.strictObject({
    /** Agents at a time: the next begins when one has ended. */
    batch: v.optional(parseCountOrPercentage(1)),
    /** Each batch begins when all of the one before has ended. */
    waves: v.optional(v.boolean()),
    /** Between two waves. */
    batch_pause_seconds: v.optional(pauseSeconds),
    /** So many go first; any failure among them stops the rest. */
    canary: v.optional(parseCountOrPercentage(1)),
    /** From the end of the last canary to the rest. */
    canary_pause_seconds: v.optional(pauseSeconds),
    /** With one more failure than this, what has not been sent is cancelled. */
    max_failures: v.optional(parseCountOrPercentage(0)),
  }),
  v.check(
    ({ batch, waves, batch_pause_seconds }) =>
      batch !== undefined || (waves === undefined && batch_pause_seconds === undefined),
    'has "waves" or "batch_pause_seconds" and no "batch"',
  ),
  v.check(
    ({ canary, canary_pause_seconds }) =>
      canary !== undefined || canary_pause_seconds === undefined,
    'has "canary_pause_seconds" and no "canary"',
  ),
);

/** `POST /api/v1/jobs`. */
export const JobRequest = v.strictObject({
  command: CommandName,
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object")),
  target: Target,
  /** What the command itself asks for, where it is not given. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
  ttl_seconds: v.optional(seconds(ttlSecondsMax), ttlSecondsDefault),
  /** Signatures over each of its requests, whose ids the operator has made; see `SignedJobRequest`. */
  signed: v.optional(SignedJobRequest),
  /** All of its agents at once, where it is not given. */
  rollout: v.optional(Rollout),
  /** Before or after what else waits for an agent. */
  priority: v.optional(Priority, "normal"),
  /** Only agents that are connected: nothing waits for one that is away. */
  require_online: v.optional(v.boolean(), false),
  /** Refused where the target means more agents than this. */
  max_agents: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type JobRequest = v.InferOutput<typeof JobRequest>;
export type JobRequestInput = v.InferInput<typeof JobRequest>;

/** Which requests of a job are asked for again. */
export const retryFilters = ["failed", "not_started", "lost", "all"] as const;

/** Codes of errors that vouch for a command not having begun. */
const neverBegan: readonly string[] = [
  ...["INVALID_COMMAND", "INVALID_PARAMETERS", "FORBIDDEN", "BUSY", "STORAGE_UNAVAILABLE"],
  "NOT_STARTED",
  ...["EXPIRED", "OFFLINE", "CANCELLED"],
];

/** Whether a request that ended so is asked for again as one of this kind. */
export function isRetried(
  kind: (typeof retryFilters)[number],
  { state, code = "" }: { state: string; code?: string },
): boolean {
  const isOver = state !== "queued" && state !== "sent";
  const hasBegun = !neverBegan.includes(code) && state !== "expired";
  switch (kind) {
    case "all":
      return true;
    case "lost":
      return state === "lost";
    case "failed":
      return isOver && state !== "success" && state !== "lost" && hasBegun;
    case "not_started":
      return isOver && state !== "success" && state !== "lost" && !hasBegun;
    default:
      return kind satisfies never;
  }
}

/** `POST /api/v1/jobs/ID/retry`. */
export const RetryRequest = v.strictObject({
  which: v.pipe(
    v.array(v.picklist(retryFilters, `must be one of ${retryFilters.join(", ")}`)),
    v.minLength(1, "must not be empty"),
  ),
  max_agents: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type RetryRequest = v.InferOutput<typeof RetryRequest>;
