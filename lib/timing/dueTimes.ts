/** Computes when a schedule is due: cron expressions with `croner`, intervals from their start. */
import { Cron } from "croner";
import { errorText, WsctlError } from "../protocol/errors.ts";
import type { Timing } from "../protocol/timing.ts";

type Civil = Extract<Timing, { cron: string }>;

/**
 * Returns the first due time after a time; undefined if there is none. Milliseconds since 1970.
 *
 * @param begunAt the time from which intervals are counted
 * @throws {WsctlError} MALFORMED if the cron expression or its time zone is invalid
 */
export function nextAfter(timing: Timing, begunAt: number, after: number): number | undefined {
  if ("cron" in timing) return civilAfter(timing, after);
  if ("at" in timing) {
    const at = Date.parse(timing.at);
    return at > after ? at : undefined;
  }
  const everyMs = timing.every_seconds * 1000;
  let passed = Math.max(0, Math.floor((after - begunAt) / everyMs));
  let next: number;
  // Rounding may produce the same time again.
  do next = begunAt + ++passed * everyMs;
  while (next <= after);
  return next;
}

/**
 * Whether a schedule is due at exactly this time, in whole milliseconds since 1970.
 *
 * @param begunAt the time from which intervals are counted
 * @throws {WsctlError} MALFORMED if the cron expression or its time zone is invalid
 */
export function isDueTime(timing: Timing, begunAt: number, at: number): boolean {
  if ("cron" in timing) return civilAfter(timing, at - 1_000) === at;
  if ("at" in timing) return Date.parse(timing.at) === at;
  const everyMs = timing.every_seconds * 1000;
  const count = Math.round((at - begunAt) / everyMs);
  // A timestamp cuts the fraction of a millisecond off.
  return count >= 1 && Math.trunc(begunAt + count * everyMs) === at;
}

/**
 * Returns how often a schedule is due after one time and through another, at most `max`.
 *
 * @param begunAt the time from which intervals are counted
 * @throws {WsctlError} MALFORMED if the cron expression or its time zone is invalid
 */
export function countDueTimes(
  timing: Timing,
  begunAt: number,
  { after, through, max }: { after: number; through: number; max: number },
): number {
  if ("every_seconds" in timing) {
    const passed = (at: number) => {
      return Math.max(0, Math.floor((at - begunAt) / (timing.every_seconds * 1000)));
    };
    return Math.min(max, passed(through) - passed(after));
  }
  let count = 0;
  let at = nextAfter(timing, begunAt, after);
  while (count < max && at !== undefined && at <= through) {
    count++;
    at = nextAfter(timing, begunAt, at);
  }
  return count;
}

function civilAfter({ cron, time_zone: timezone }: Civil, after: number): number | undefined {
  try {
    const next = new Cron(cron, { timezone, mode: "5-or-6-parts" }).nextRun(new Date(after));
    return next?.getTime();
  } catch (error) {
    const text = `Cannot schedule "${cron}" in ${timezone}: ${errorText(error)}`;
    throw new WsctlError("MALFORMED", text);
  }
}
