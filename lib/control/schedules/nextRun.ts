/** When a schedule comes due: civil time by the library `croner`, spans counted from a beginning. */
import { Cron } from "croner";
import type { Timing } from "../../protocol/api/schedules.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { stableHash } from "../core/agents/stableHash.ts";

type Civil = Extract<Timing, { cron: string }>;

/** The first moment after this one; undefined where none is to come. Milliseconds since 1970. */
export function nextAfter(timing: Timing, begunAt: number, after: number): number | undefined {
  if ("cron" in timing) return civilAfter(timing, after);
  if ("at" in timing) {
    const at = Date.parse(timing.at);
    return at > after ? at : undefined;
  }
  const everyMs = timing.every_seconds * 1000;
  let passed = Math.max(0, Math.floor((after - begunAt) / everyMs));
  let next: number;
  // Rounding may lead back to the very moment that it is to come after.
  do next = begunAt + ++passed * everyMs;
  while (next <= after);
  return next;
}

/** Throws `MALFORMED` where it can never come due, saying what is wrong. */
export function checkTiming(timing: Timing, now: number): void {
  if (nextAfter(timing, now, now) !== undefined) return;
  const text = "at" in timing ? `"${timing.at}" has passed` : "it never comes due";
  throw new WsctlError("MALFORMED", `Cannot schedule: ${text}`);
}

/** So much later than it comes due, the same for the same run whoever asks. */
export function computeJitter(scheduleId: string, dueAt: number, jitterMs: number): number {
  if (jitterMs < 1) return 0;
  return stableHash(`${scheduleId} ${dueAt}`) % Math.floor(jitterMs);
}

function civilAfter({ cron, time_zone: timezone }: Civil, after: number): number | undefined {
  try {
    const next = new Cron(cron, { timezone, mode: "5-or-6-parts" }).nextRun(new Date(after));
    return next?.getTime();
  } catch (error) {
    const text = `Cannot schedule: "${cron}" in ${timezone}: ${errorText(error)}`;
    throw new WsctlError("MALFORMED", text);
  }
}
