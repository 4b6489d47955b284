/**
 * Timestamps on the wire: ISO 8601 in UTC, written with a `T`, seconds, and `Z` or `+00:00`.
 * `Date.parse` is not used to judge them: it takes `2024-02-30` for the first of March.
 */
const shape = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|\+00:00)$/;
const daysInMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isTimestamp(text: string): boolean {
  const parts = text.length <= 40 ? shape.exec(text) : null;
  if (parts === null) return false;
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : (daysInMonth[month - 1] ?? 0);
  return day <= days && hour <= 23 && minute <= 59 && second <= 59;
}

/** The timestamp of a moment, given in milliseconds since 1970. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
