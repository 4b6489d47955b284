/** The target of a job: agents by id, by glob, by selector, by a combination of these, or all. */
import * as v from "valibot";
import { agentIdCharsMax } from "../limits.ts";
import { AgentId, ResourceName } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { hasWildcard } from "../wildcard.ts";
import { parseSelector, SelectorText, savedIn } from "./selector.ts";

/** The maximum number of agents in one job. */
export const agentsMax = 100_000;

/** A count, or a percentage of the selected agents. */
export function parseCountOrPercentage(least: number) {
  const rule = `must be a whole number from ${least}, or a percentage such as "10%"`;
  return v.union(
    [
      v.pipe(v.number(rule), v.integer(rule), v.minValue(least, rule), v.maxValue(agentsMax, rule)),
      v.pipe(
        v.string(rule),
        v.check((text) => isPercentage(text, least), rule),
      ),
    ],
    rule,
  );
}

/** 0% is valid only if `least` is 0. */
export function isPercentage(text: string, least: number): boolean {
  const isShaped = /^(?:100|\d{1,2}(?:\.\d{1,3})?)%$/.test(text);
  return isShaped && (least === 0 || Number.parseFloat(text) > 0);
}

/** Returns the count for a share of `total`, not rounded. */
export function resolveCount(part: number | string, total: number): number {
  return typeof part === "number" ? part : (Number.parseFloat(part) * total) / 100;
}

/** Each glob is matched against every agent. */
const globsMax = 32;
const globShape = /^(?!(?:[^*]*\*){5})[a-z0-9._*?-]+$/;

const AgentPattern = v.pipe(
  v.string("must be a string"),
  v.maxLength(agentIdCharsMax, `must be of at most ${agentIdCharsMax} characters`),
  v.check(
    (text) => (hasWildcard(text) ? globShape.test(text) : v.is(AgentId, text)),
    "must be lower-case letters and digits, with '.', '_' or '-' between them, * (at most 4) or ?",
  ),
);

/** If both are given, an agent must match both. */
export const Target = v.pipe(
  v.strictObject({
    /** Ids, or globs of ids with `*` and `?`. */
    agents: v.optional(
      v.pipe(
        v.array(AgentPattern, "must be a list of ids"),
        v.minLength(1, "names no agent"),
        v.maxLength(agentsMax, `names more than ${agentsMax} agents`),
        v.check(
          (agents) => agents.filter(hasWildcard).length <= globsMax,
          `has more than ${globsMax} with * or ?`,
        ),
      ),
    ),
    /** See `selector.ts`. */
    selector: v.optional(SelectorText),
    all: v.optional(v.literal(true, "must be true")),
    /** A count or percentage of the selected agents. The same seed selects the same agents. */
    sample: v.optional(parseCountOrPercentage(1)),
    seed: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
  }),
  v.check(
    ({ agents, selector, all }) =>
      (all === true) !== (agents !== undefined || selector !== undefined),
    'must have "agents", "selector" or both, or else "all": true',
  ),
  v.check(
    ({ sample, seed }) => seed === undefined || sample !== undefined,
    'has a "seed" without "sample"',
  ),
);
export type Target = v.InferOutput<typeof Target>;

/** `POST /api/v1/targets`: resolves a target without sending. */
export const TargetQuery = v.strictObject({
  target: Target,
  require_online: v.optional(v.boolean(), false),
});
export type TargetQuery = v.InferOutput<typeof TargetQuery>;

/**
 * Why a selected agent gets no request: it is drained, it may not connect, or it is offline and
 * `require_online` is set.
 */
const SkipReason = v.picklist(["drained", "revoked", "fenced", "pending", "offline"]);
export type SkipReason = v.InferOutput<typeof SkipReason>;

export const SkippedAgent = v.object({ agent_id: v.string(), reason: SkipReason });
export type SkippedAgent = v.InferOutput<typeof SkippedAgent>;

export const TargetView = v.object({
  agents: v.array(v.object({ agent_id: v.string(), online: v.boolean() })),
  /** Selected agents that get no request. */
  skipped: v.array(SkippedAgent),
  /** The seed of the sample. */
  seed: v.exactOptional(v.string()),
});
export type TargetView = v.InferOutput<typeof TargetView>;

/** `POST /api/v1/saved-targets`: a selector with a name, for `--target @NAME`. */
export const SavedTargetRequest = v.strictObject({
  name: ResourceName,
  selector: v.pipe(
    SelectorText,
    v.check(
      (text) => savedIn(parseSelector(text)).length === 0,
      "must not contain another saved target",
    ),
  ),
});
export type SavedTargetRequest = v.InferOutput<typeof SavedTargetRequest>;

export const SavedTargetView = v.object({
  ...SavedTargetRequest.entries,
  created_at: Timestamp,
  created_by: v.string(),
  created_by_name: v.exactOptional(v.string()),
});
export type SavedTargetView = v.InferOutput<typeof SavedTargetView>;
