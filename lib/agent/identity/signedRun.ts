/** Checks that a run of a signed schedule is due, and within its bounds, by this host's clock. */
import { dedupAfterTtlMs } from "../../protocol/limits.ts";
import type { Command } from "../../protocol/wire/message.ts";
import {
  latestStart,
  type ScheduleTerms,
  scheduleSkewMs,
} from "../../protocol/wire/signedSchedule.ts";
import { isDueTime } from "../../timing/dueTimes.ts";
import type { SignatureCheck } from "../core/admission.ts";

/**
 * Returns the run, which the executor counts, or why it must not start.
 *
 * @param signed the keys that have signed its schedule
 * @param now milliseconds since 1970 on this host's own clock
 */
export function checkRun(
  { payload: { due_at } }: Command,
  terms: ScheduleTerms,
  { signedBy }: { signedBy: string[] },
  now: number,
): SignatureCheck {
  const { schedule_id: scheduleId, name, timing, not_before, not_after, max_runs } = terms;
  const refuse = (text: string) => ({ refusal: `the run of the signed schedule ${text}` });
  if (due_at === undefined) return refuse("has no due time");
  const dueAt = Date.parse(due_at);
  const begin = Date.parse(not_before);
  const end = Date.parse(not_after);
  if (now >= end) return refuse(`is too late: "${name}" ended at ${not_after}. Sign a new one`);
  if (dueAt < begin || dueAt > end) {
    return refuse(`is due at ${due_at}, outside its bounds ${not_before} to ${not_after}`);
  }
  if (!isDue(terms, begin, dueAt)) {
    return refuse(`is due at ${due_at}, which ${JSON.stringify(timing)} does not include`);
  }
  if (now < dueAt - scheduleSkewMs) {
    return refuse(`is not due until ${due_at} by this host's clock`);
  }
  if (now > latestStart(terms, dueAt)) return refuse(`is too late: it was due at ${due_at}`);
  const isExclusive = terms.concurrency_policy === "forbid";
  const keepUntil = end + dedupAfterTtlMs;
  return { signedBy, run: { scheduleId, dueAt, maxRuns: max_runs, isExclusive, keepUntil } };
}

function isDue({ timing }: ScheduleTerms, begin: number, dueAt: number): boolean {
  try {
    return isDueTime(timing, begin, dueAt);
  } catch {
    // The signed expression is not one of this version of the agent.
    return false;
  }
}
