/** Parses the times of `since` and `until`, as operators write them. */

export const momentRule =
  'must be a time with its zone (2026-01-31T08:00:00Z), a date with or without a time in UTC ("2026-01-31 08:00"), or an age such as 15m, 2h, 3d';

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const zoned = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/;
const inUtc = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d)(:\d\d)?)?$/;

/** Returns milliseconds since 1970, or undefined if the text is not a time. */
export function parseTime(text: string, now: number): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * (unitMs[unit] ?? 0);
  if (zoned.test(text)) {
    const whole = text.replace(" ", "T").replace(/([+-]\d\d)(\d\d)$/, "$1:$2");
    return isDay(text) ? known(Date.parse(whole)) : undefined;
  }
  const [, day, time = "00:00", seconds = ":00"] = inUtc.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return undefined;
  return known(Date.parse(`${day}T${time}${seconds}Z`));
}

/** Runtimes differ: some reject 30 February, others convert it to 2 March. */
function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day && month <= 12;
}

function known(time: number): number | undefined {
  return Number.isNaN(time) ? undefined : time;
}
