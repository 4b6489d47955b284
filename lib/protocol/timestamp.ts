/**
 * Timestamps on the wire: ISO 8601 (RFC 3339) in UTC, with `T`, seconds, and `Z` or `+00:00`.
 * `Date.parse` does not validate them, because it accepts `2024-02-30` as the first of March.
 */
import * as v from "valibot";

const shape =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,9})?(?:Z|\+00:00)$/;
const shortMonths: ReadonlySet<string> = new Set(["04", "06", "09", "11"]);

export function isTimestamp(text: string): boolean {
  if (text.length > 40 || !shape.test(text)) return false;
  return !isLateInMonth(text) || isInMonth(text);
}

/** Day 29 or later, which not every month has. */
function isLateInMonth(text: string): boolean {
  const tens = text.charCodeAt(8);
  return tens === 51 /* 3 */ || (tens === 50 /* 2 */ && text.charCodeAt(9) === 57) /* 9 */;
}

function isInMonth(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), text.slice(5, 7), text.slice(8, 10)];
  if (month !== "02") return day !== "31" || !shortMonths.has(month);
  return day === "29" && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

const rule = 'must be ISO 8601 in UTC, such as "2026-01-02T03:04:05Z", and a date that exists';

export const Timestamp = v.pipe(v.string(rule), v.check(isTimestamp, rule));

/** Returns a timestamp in the form of `timestamp`, whose texts sort by time. */
export function normalTimestamp(text: string): string {
  return timestamp(Date.parse(text));
}

const minuteMs = 60_000;
let latest = { ms: 0, text: "1970-01-01T00:00:00.000Z" };
let latestMinute = { index: 0, text: "1970-01-01T00:00:" };

/** Formats a time in milliseconds since 1970. */
export function timestamp(ms: number): string {
  // A commit writes one time many times.
  if (ms !== latest.ms) latest = { ms, text: format(ms) };
  return latest.text;
}

function format(ms: number): string {
  const whole = Math.trunc(ms);
  const index = Math.floor(whole / minuteMs);
  // Most times are of the minute of the time before.
  if (index !== latestMinute.index) {
    latestMinute = { index, text: new Date(whole).toISOString().slice(0, -7) };
  }
  // A digit in front keeps the zeros.
  const digits = `${100_000 + whole - index * minuteMs}`;
  return `${latestMinute.text}${digits.slice(1, 3)}.${digits.slice(3)}Z`;
}
