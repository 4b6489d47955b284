/** A check of the conformance suite, its result, and the run of a list of them. */
import { errorText } from "../protocol/errors.ts";

/** As in RFC 2119: without `must` a peer does not interoperate; `should` is good; `may` is a bonus. */
export type Level = "must" | "should" | "may";
export const levels: readonly Level[] = ["must", "should", "may"];

export interface Check<Session> {
  /** `GROUP/NAME`, which stays the same from version to version. */
  id: string;
  level: Level;
  /** What a peer that passes does. */
  title: string;
  /** The sentence that asks for it: of the standard, or of the page of decisions. */
  source: string;
  /** Throws `Mismatch` if the peer does something else, and `NotApplicable` if it cannot be seen. */
  run(session: Session): Promise<void> | void;
}

export class Mismatch extends Error {}
export class NotApplicable extends Error {}

export type Verdict = "passed" | "failed" | "skipped";

export interface CheckResult {
  id: string;
  level: Level;
  title: string;
  source: string;
  verdict: Verdict;
  /** What was seen instead, or why it was not checked. */
  detail?: string;
  duration_ms: number;
}

export async function runChecks<Session>(
  checks: readonly Check<Session>[],
  session: Session,
  onResult: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const { id, level, title, source } = check;
    const from = performance.now();
    const outcome = await attempt(() => check.run(session));
    const duration_ms = Math.round(performance.now() - from);
    const result = { id, level, title, source, ...outcome, duration_ms };
    results.push(result);
    onResult(result);
  }
  return results;
}

async function attempt(
  run: () => Promise<void> | void,
): Promise<Pick<CheckResult, "verdict" | "detail">> {
  try {
    await run();
    return { verdict: "passed" };
  } catch (error) {
    const verdict = error instanceof NotApplicable ? "skipped" : "failed";
    return { verdict, detail: errorText(error) };
  }
}

export interface Summary {
  conforms: boolean;
  counts: Record<Level, Record<Verdict, number>>;
}

/** A peer conforms if it fails no check of the level `must`. */
export function summarize(results: readonly CheckResult[]): Summary {
  const count = (level: Level, verdict: Verdict) =>
    results.filter((each) => each.level === level && each.verdict === verdict).length;
  const countsOf = (level: Level) => ({
    passed: count(level, "passed"),
    failed: count(level, "failed"),
    skipped: count(level, "skipped"),
  });
  const counts = { must: countsOf("must"), should: countsOf("should"), may: countsOf("may") };
  return { conforms: counts.must.failed === 0 && counts.must.passed > 0, counts };
}
