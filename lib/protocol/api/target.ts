/** Who a job is for: agents by their ids, globs of ids, labels and facts, or all; or some of these. */
import * as v from "valibot";
import { agentIdCharsMax } from "../limits.ts";
import { AgentId } from "../names.ts";
import { hasWildcard } from "../wildcard.ts";
import { SelectorText } from "./selector.ts";

/** Agents in one job at most. */
export const agentsMax = 100_000;

/** So many agents, or so many in a hundred of all that are meant. */
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

/** Of 0% and more where nothing is enough, else of more than that. */
export function isPercentage(text: string, least: number): boolean {
  const isShaped = /^(?:100|\d{1,2}(?:\.\d{1,3})?)%$/.test(text);
  return isShaped && (least === 0 || Number.parseFloat(text) > 0);
}

/** How many a share of so many is; not rounded. */
export function resolveCount(part: number | string, total: number): number {
  return typeof part === "number" ? part : (Number.parseFloat(part) * total) / 100;
}

/** Each is held against every agent. */
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

/** Where both are given, an agent must be named and selected. */
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
    /** So many of those that are meant, chosen by the seed: the same ones for the same seed. */
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
    'has a "seed" and no "sample" to choose with it',
  ),
);
export type Target = v.InferOutput<typeof Target>;

/** `POST /api/v1/targets`: who would be meant. */
export const TargetQuery = v.strictObject({
  target: Target,
  require_online: v.optional(v.boolean(), false),
});
export type TargetQuery = v.InferOutput<typeof TargetQuery>;

export interface TargetView {
  agents: { agent_id: string; online: boolean }[];
  /** Selected, and left out: they take no new jobs. */
  drained: string[];
  /** Selected, and left out: they are away, and only those that are there were wanted. */
  offline: string[];
  /** With which a sample was chosen. */
  seed?: string;
}
