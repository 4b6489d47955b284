/**
 * The requests of operators about jobs (`POST /api/v1/jobs` and others), as schemas from which the
 * types are inferred. Client and server share them.
 */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { timeoutSecondsMax, ttlSecondsDefault, ttlSecondsMax } from "../limits.ts";
import { AgentId, CommandName, Reason } from "../names.ts";
import { isTimestamp } from "../timestamp.ts";
import { CommandSignatures } from "../wire/signedCommand.ts";
import { agentsMax, parseCountOrPercentage, Target } from "./target.ts";

/** The order of requests of several jobs that are queued for the same agent. */
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

/** The signed part of a job: one signed request for each agent of its target. */
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
    /** The maximum number of agents that run at a time. */
    batch: v.optional(parseCountOrPercentage(1)),
    /** Each batch starts when the whole of the previous one has ended. */
    waves: v.optional(v.boolean()),
    /** The pause between two waves. */
    batch_pause_seconds: v.optional(pauseSeconds),
    /** The number of agents that run first. Any failure among them stops the rollout. */
    canary: v.optional(parseCountOrPercentage(1)),
    /** The pause after the last canary has ended. */
    canary_pause_seconds: v.optional(pauseSeconds),
    /** One more failure than this cancels the requests that were not sent. */
    max_failures: v.optional(parseCountOrPercentage(0)),
  }),
  v.check(
    ({ batch, waves, batch_pause_seconds }) =>
      batch !== undefined || (waves === undefined && batch_pause_seconds === undefined),
    'has "waves" or "batch_pause_seconds" without "batch"',
  ),
  v.check(
    ({ canary, canary_pause_seconds }) =>
      canary !== undefined || canary_pause_seconds === undefined,
    'has "canary_pause_seconds" without "canary"',
  ),
);

/** `POST /api/v1/jobs`. */
export const JobRequest = v.strictObject({
  command: CommandName,
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be an object")),
  target: Target,
  /** By default the timeout that the command defines. */
  timeout_seconds: v.optional(seconds(timeoutSecondsMax)),
  ttl_seconds: v.optional(seconds(ttlSecondsMax), ttlSecondsDefault),
  /**
   * Signatures over each of its requests, whose ids the operator has generated; see
   * `SignedJobRequest`.
   */
  signed: v.optional(SignedJobRequest),
  /** Why it is created; kept in the job and the audit trail. */
  reason: v.optional(Reason),
  /** By default all agents run at once. */
  rollout: v.optional(Rollout),
  /** The priority over other requests that are queued for an agent. */
  priority: v.optional(Priority, "normal"),
  /** Sends to connected agents only; no request is queued for an offline one. */
  require_online: v.optional(v.boolean(), false),
  /** Accepts the job even if no selected agent has announced the command. */
  force: v.optional(v.boolean()),
  /** Rejects the job if the target selects more agents. */
  max_agents: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type JobRequest = v.InferOutput<typeof JobRequest>;
export type JobRequestInput = v.InferInput<typeof JobRequest>;

/** Selects the requests of a job to retry. */
const retryFilters = ["failed", "not_started", "lost", "all"] as const;

/** Error codes which guarantee that the command did not start. */
const neverBegan: readonly string[] = [
  ...["INVALID_COMMAND", "INVALID_PARAMETERS", "FORBIDDEN", "BUSY", "STORAGE_UNAVAILABLE"],
  "NOT_STARTED",
  ...["EXPIRED", "OFFLINE", "CANCELLED"],
];

/** Whether a request with this outcome matches the filter. */
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
  /** By default the reason of the retried job. */
  reason: v.optional(Reason),
});
export type RetryRequest = v.InferOutput<typeof RetryRequest>;
