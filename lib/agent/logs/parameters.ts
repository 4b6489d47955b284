/** The parameters of `fetch_logs`, and which of them cannot be combined. */
import * as v from "valibot";
import { AgentId } from "../../protocol/names.ts";
import type { Source } from "./logSource.ts";
import { momentRule, parseTime } from "./parseTime.ts";

const linesDefault = 1_000;
export const linesMax = 1_000_000;
const followSecondsMax = 3_600;
const grepCharsMax = 1_000;

const linesRule = `must be a whole number from 1 to ${linesMax}, or "all"`;
const followRule = `must be a whole number of seconds from 1 to ${followSecondsMax}`;
const grepRule = `must be a JavaScript regular expression of at most ${grepCharsMax} characters`;

const Moment = v.pipe(
  v.string(momentRule),
  v.check((text) => parseTime(text, 0) !== undefined, momentRule),
);

export const FetchLogsParameters = v.strictObject({
  /** The name of a file in `logs.d`, without `.toml`. */
  source: AgentId,
  /** The number of last lines, after the other filters. */
  lines: v.optional(
    v.union(
      [
        v.literal("all", linesRule),
        v.pipe(
          v.number(linesRule),
          v.integer(linesRule),
          v.minValue(1, linesRule),
          v.maxValue(linesMax, linesRule),
        ),
      ],
      linesRule,
    ),
    linesDefault,
  ),
  since: v.optional(Moment),
  until: v.optional(Moment),
  /** A regular expression that a line must match. */
  grep: v.optional(
    v.pipe(
      v.string(grepRule),
      v.maxLength(grepCharsMax, grepRule),
      v.check(isPattern, `${grepRule}, but this one does not compile`),
    ),
  ),
  /** How long to follow the source, in seconds. */
  follow: v.optional(
    v.pipe(
      v.number(followRule),
      v.integer(followRule),
      v.minValue(1, followRule),
      v.maxValue(followSecondsMax, followRule),
    ),
  ),
});
export type FetchLogsParameters = v.InferOutput<typeof FetchLogsParameters>;

/** Returns which parameters cannot be combined with each other or with this source. Pure. */
export function checkFetchParameters(
  source: Source,
  { since, until, follow }: FetchLogsParameters,
  now: number,
): string | undefined {
  if (follow !== undefined && source.kind === "command" && source.follow_argv === undefined) {
    return `parameters.follow: the source "${source.name}" cannot be followed; its manifest has no follow_argv`;
  }
  if (follow !== undefined && until !== undefined) {
    return "parameters.follow and parameters.until cannot be combined: omit one of them";
  }
  if (since === undefined || until === undefined) return undefined;
  const isEmpty = (parseTime(since, now) ?? 0) > (parseTime(until, now) ?? 0);
  return isEmpty ? "parameters.since must not be after parameters.until" : undefined;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
