/** Computes when a schedule is due: cron expressions with `croner`, intervals from their start. */
import { Cron } from "croner";
import type { Timing } from "../../protocol/api/schedules.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { stableHash } from "../core/agents/stableHash.ts";

type Civil = Extract<Timing, { cron: string }>;

/** Returns the first run after a time; undefined if there is none. Milliseconds since 1970. */
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
 * Checks that the schedule has a future run.
 *
 * @throws {WsctlError} MALFORMED
 */
export function checkTiming(timing: Timing, now: number): void {
  if (nextAfter(timing, now, now) !== undefined) return;
  const text = "at" in timing ? `"${timing.at}" is in the past` : "it has no future run";
  throw new WsctlError("MALFORMED", `Cannot schedule: ${text}`);
}

/** Returns the delay of a run, which is always the same for the same run. */
export function computeJitter(scheduleId: string, dueAt: number, jitterMs: number): number {
  if (jitterMs < 1) return 0;
  return stableHash(`${scheduleId} ${dueAt}`) % Math.floor(jitterMs);
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
