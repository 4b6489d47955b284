/**
 * Layouts of time that are unmistakable, but rarer than those of `parseTimestamp.ts`. A date such as
 * 03/04/2026 without AM or PM is not among them: it is another day in another country.
 */

/** The parts of a time without a zone; a month counts from 0. */
export interface LocalTime {
  year: number | undefined;
  month: number;
  day: number;
  clock: (string | undefined)[];
}

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const month = `(${months.join("|")})`;
const clock = "(\\d\\d):(\\d\\d):(\\d\\d)(?:[.,](\\d{1,9}))?";

/** Seconds or milliseconds since 1970 at the start of a line (Squid), or in `audit(…)` (auditd). */
const epoch =
  /^(?:\[?(\d{10}(?:\.\d{1,9})?|\d{13})\]?(?=[\s,;|])|.{0,80}?\baudit\((\d{10}\.\d{3}):\d+\))/;
/** Tomcat: 29-Nov-2026 12:34:56.789. Redis: 29 Nov 2026 12:34:56.789. */
const dayFirst = new RegExp(`(?<!\\d)(\\d{1,2})[- ]${month}[- ](\\d{4}) ${clock}`);
/** Kubernetes (klog): I1129 12:34:56.789012. */
const klog = new RegExp(`^[IWEF](\\d\\d)(\\d\\d) ${clock}`);
/** The United States: 11/29/2026 1:34:56 PM. */
const halfDay =
  /(?<!\d)(\d{1,2})\/(\d{1,2})\/(\d{4}),? (\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ?([AP])M\b/i;

/** Returns milliseconds since 1970, or the parts of a local time; undefined if there is neither. */
export function parseRareTimestamp(text: string): number | LocalTime | undefined {
  const [, first, audit] = epoch.exec(text) ?? [];
  const seconds = first ?? audit;
  if (seconds !== undefined) {
    return Math.floor(seconds.length === 13 && first ? Number(seconds) : Number(seconds) * 1000);
  }
  const named = dayFirst.exec(text);
  if (named !== null) {
    const [, day, name = "", year, ...parts] = named;
    return { year: Number(year), month: months.indexOf(name), day: Number(day), clock: parts };
  }
  const kube = klog.exec(text);
  if (kube !== null) {
    const [, number, day, ...parts] = kube;
    return { year: undefined, month: Number(number) - 1, day: Number(day), clock: parts };
  }
  const half = halfDay.exec(text);
  if (half === null) return undefined;
  const [, number, day, year, hours, minutes, sec, sub, letter = ""] = half;
  const isLate = letter.toUpperCase() === "P";
  const hour = (Number(hours) % 12) + (isLate ? 12 : 0);
  if (Number(hours) < 1 || Number(hours) > 12) return undefined;
  const parts = [`${hour}`, minutes, sec, sub];
  return { year: Number(year), month: Number(number) - 1, day: Number(day), clock: parts };
}
