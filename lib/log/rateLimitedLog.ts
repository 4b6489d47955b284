/**
 * A rate-limited log for messages that others cause in any number, such as unauthenticated clients.
 * Lines beyond the limit per minute are counted, and one line reports their number.
 */
import type { Clock } from "../time/clock.ts";
import type { Log, LogFields, LogLevel } from "./log.ts";

const windowMs = 60_000;
const linesMaxDefault = 60;

export interface LineLimit {
  /** What the lines are about. */
  about?: string;
  /** Lines per minute. */
  linesMax?: number;
  /** The fields of the line that reports how many lines were omitted. */
  summary?: (count: number) => LogFields;
}

export function rateLimitedLog(
  log: Log,
  clock: Pick<Clock, "now" | "after">,
  limit: LineLimit = {},
): Log {
  const { about = "unauthenticated clients", linesMax = linesMaxDefault, summary } = limit;
  let endsAt = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let leftOut = 0;
  const tell = () => {
    const text = `${leftOut} more log lines about ${about} were omitted within a minute`;
    log.warn(text, summary?.(leftOut));
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
