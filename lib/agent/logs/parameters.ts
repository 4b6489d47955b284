/** What `fetch_logs` may be asked, and what of it does not go together. */
import * as v from "valibot";
import { AgentId } from "../../protocol/names.ts";
import type { Source } from "./logSource.ts";
import { momentRule, parseTime } from "./parseTime.ts";

export const linesDefault = 1_000;
export const linesMax = 1_000_000;
export const followSecondsMax = 3_600;
const grepCharsMax = 1_000;

const linesRule = `must be a whole number from 1 to ${linesMax}, or "all"`;
const followRule = `must be a whole number of seconds from 1 to ${followSecondsMax}`;
const grepRule = `must be a JavaScript regular expression of at most ${grepCharsMax} characters`;

const Moment = v.pipe(
  v.string(momentRule),
  v.check((text) => parseTime(text, 0) !== undefined, momentRule),
);

export const FetchLogsParameters = v.strictObject({
  /** A file in `logs.d`, without `.toml`. */
  source: AgentId,
  /** The last so many, after everything else has been applied. */
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
  /** Held against each line. */
  grep: v.optional(
    v.pipe(
      v.string(grepRule),
      v.maxLength(grepCharsMax, grepRule),
      v.check(isPattern, `${grepRule}, and this one does not compile`),
    ),
  ),
  /** How long to go on with what is added, in seconds. */
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

/** Pure: what of these parameters does not go together, or not with this source. */
export function checkFetchParameters(
  source: Source,
  { since, until, follow }: FetchLogsParameters,
  now: number,
): string | undefined {
  if (follow !== undefined && source.kind === "command" && source.follow_argv === undefined) {
    return `parameters.follow: the source "${source.name}" cannot be followed; its manifest has no follow_argv`;
  }
  if (follow !== undefined && until !== undefined) {
    return "parameters.follow and parameters.until do not go together: leave one of them out";
  }
  if (since === undefined || until === undefined) return undefined;
  const isEmpty = (parseTime(since, now) ?? 0) > (parseTime(until, now) ?? 0);
  return isEmpty ? "parameters.since is after parameters.until: nothing can be between" : undefined;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
