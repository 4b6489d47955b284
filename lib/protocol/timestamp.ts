/**
 * Timestamps on the wire: ISO 8601 in UTC, written with a `T`, seconds, and `Z` or `+00:00`.
 * `Date.parse` is not used to judge them: it takes `2024-02-30` for the first of March.
 */
const shape =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,9})?(?:Z|\+00:00)$/;
const shortMonths: ReadonlySet<string> = new Set(["04", "06", "09", "11"]);

export function isTimestamp(text: string): boolean {
  if (text.length > 40 || !shape.test(text)) return false;
  return !isLateInMonth(text) || isInMonth(text);
}

/** From the 29th on, which not every month has. */
function isLateInMonth(text: string): boolean {
  const tens = text.charCodeAt(8);
  return tens === 51 /* 3 */ || (tens === 50 /* 2 */ && text.charCodeAt(9) === 57) /* 9 */;
}

function isInMonth(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), text.slice(5, 7), text.slice(8, 10)];
  if (month !== "02") return day !== "31" || !shortMonths.has(month);
  return day === "29" && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** The timestamp of a moment, given in milliseconds since 1970. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
