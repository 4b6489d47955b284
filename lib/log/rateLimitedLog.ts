/**
 * A log for lines that anybody can cause, with or without a token: so many of them in a minute, and
 * then one line that says how many were left out.
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
    log.warn(`${leftOut} more lines of log about strangers were left out within a minute`);
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
