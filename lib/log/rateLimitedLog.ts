/**
 * A rate-limited log for messages that unauthenticated clients can cause. Lines beyond the limit
 * per minute are counted, and one line reports their number.
 */
import type { Clock } from "../time/clock.ts";
import type { Log, LogFields, LogLevel } from "./log.ts";

const windowMs = 60_000;
const linesMaxDefault = 60;

export function rateLimitedLog(
  log: Log,
  clock: Pick<Clock, "now" | "after">,
  linesMax = linesMaxDefault,
): Log {
  let endsAt = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let leftOut = 0;
  const tell = () => {
    log.warn(
      `${leftOut} more log lines about unauthenticated clients were omitted within a minute`,
    );
    leftOut = 0;
  };
  const writer = (level: LogLevel) => (text: string, fields?: LogFields) => {
    const now = clock.now();
    if (now >= endsAt) {
      endsAt = now + windowMs;
      lines = 0;
    }
    if (lines++ < linesMax) return log[level](text, fields);
    if (leftOut++ === 0) clock.after(endsAt - now, tell);
  };
  return {
    error: writer("error"),
    warn: writer("warn"),
    info: writer("info"),
    debug: writer("debug"),
  };
}
