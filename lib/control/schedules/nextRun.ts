/** Checks the timing of a schedule, and spreads its runs. */
import { WsctlError } from "../../protocol/errors.ts";
import type { Timing } from "../../protocol/timing.ts";
import { nextAfter } from "../../timing/dueTimes.ts";
import { stableHash } from "../core/agents/stableHash.ts";

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
