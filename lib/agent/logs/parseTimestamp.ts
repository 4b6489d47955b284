/**
 * Parses the timestamp in a log line. A time without a zone is in the host's time zone. If the year
 * is missing, it is the one that puts the line closest before `reference`.
 */
import { isJsonObject } from "../../protocol/json.ts";
import { parseRareTimestamp } from "./rareTimestamp.ts";

/** The number of characters of a line that are searched for a timestamp. */
const searchChars = 200;
const dayMs = 86_400_000;
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const jsonKeys = ["time", "timestamp", "ts", "@timestamp"];

const clock = "(\\d\\d):(\\d\\d):(\\d\\d)";
const fraction = "(?:[.,](\\d{1,9}))?";
const zone = "( ?(?:Z\\b|UTC\\b|[+-]\\d\\d:?\\d\\d(?!\\d)))?";
const month = `(${months.join("|")})`;
/** ISO 8601, and nginx's error log with slashes, which has neither fraction nor zone. */
const iso = `(?<!\\d)(\\d{4})([-/])(\\d\\d)\\2(\\d\\d)[T ]${clock}${fraction}${zone}`;
/** The access logs of Apache and nginx. */
const access = `(?<!\\d)(\\d\\d)/${month}/(\\d{4}):${clock}${fraction} ([+-]\\d{4})`;
/** Syslog (RFC 3164), and Apache's error log, which has the year at the end. */
const syslog = `\\b${month} {1,2}(\\d{1,2}) ${clock}${fraction}(?: (\\d{4})(?![\\d:]))?`;
const anywhere = new RegExp(`${iso}|${access}|${syslog}`);
/** The format of most logs, tried first because it is fast. */
const plainStart = new RegExp(`^${iso}`);
const inJson = new RegExp(
  `"(?:${jsonKeys.join("|")})"\\s*:\\s*(?:"([^"\\\\]{1,64})"|(\\d[\\d.]*))`,
);

/**
 * Returns milliseconds since 1970, or undefined for a line without a timestamp, which belongs to
 * the line before. An indented line, for example of a stack trace, has none unless it starts with
 * one.
 */
export function parseTimestamp(line: string, reference: number): number | undefined {
  if (line.startsWith("{")) return parseJsonTime(line, reference);
  const plain = plainStart.exec(line);
  if (plain !== null) return parseMatch(plain, reference);
  const start = line.slice(0, searchChars);
  const found = anywhere.exec(start);
  if (found === null) return parseRare(start, reference);
  const isIndented = /^\s/.test(start) && start.slice(0, found.index).trim() !== "";
  return isIndented ? undefined : parseMatch(found, reference);
}

function parseMatch(found: RegExpExecArray, reference: number): number | undefined {
  const [, year, , mon, day, h, m, s, sub, zoneText] = found;
  if (year !== undefined) {
    return moment([Number(year), Number(mon) - 1, Number(day)], [h, m, s, sub], zoneText);
  }
  const [accessDay, accessMonth, accessYear, ah, am, as, asub, accessZone] = found.slice(10);
  if (accessYear !== undefined) {
    const date = [
      Number(accessYear),
      months.indexOf(accessMonth ?? ""),
      Number(accessDay),
    ] as const;
    return moment(date, [ah, am, as, asub], accessZone);
  }
  const [sysMonth = "", sysDay, sh, sm, ss, ssub, sysYear] = found.slice(18);
  const date = [months.indexOf(sysMonth), Number(sysDay)] as const;
  if (sysYear !== undefined) return moment([Number(sysYear), ...date], [sh, sm, ss, ssub]);
  return withoutYear(date, [sh, sm, ss, ssub], reference);
}

/** Returns the latest time that is not after the reference. */
function withoutYear(
  date: readonly [month: number, day: number],
  time: Clock,
  reference: number,
): number | undefined {
  // A 29 February may be up to eight years old.
  const newest = new Date(reference + dayMs).getFullYear();
  for (let guess = newest; guess >= newest - 8; guess--) {
    const found = moment([guess, ...date], time);
    if (found !== undefined && found <= reference + dayMs) return found;
  }
  return undefined;
}

/** An indented line has such a time only at its start. */
function parseRare(start: string, reference: number): number | undefined {
  if (/^\s/.test(start)) return undefined;
  const found = parseRareTimestamp(start);
  if (found === undefined || typeof found === "number") return found;
  const { year, month: mon, day, clock: time } = found;
  if (year === undefined) return withoutYear([mon, day], time, reference);
  return moment([year, mon, day], time);
}

type Day = readonly [year: number, month: number, day: number];
type Clock = readonly (string | undefined)[];

/** Returns undefined if the day or the time does not exist. */
function moment([year, mon, day]: Day, time: Clock, zoneText?: string): number | undefined {
  const [hours = 0, minutes = 0, seconds = 0] = time.slice(0, 3).map(Number);
  const ms = time[3] === undefined ? 0 : Math.floor(Number(`0.${time[3]}`) * 1000);
  // 60 is a leap second, which counts as part of the next minute.
  if (hours > 24 || minutes > 59 || seconds > 60 || mon < 0 || mon > 11) return undefined;
  if (
    day < 1 ||
    day > 31 ||
    (day > 28 && new Date(Date.UTC(year, mon, day)).getUTCDate() !== day)
  ) {
    return undefined;
  }
  const utc = Date.UTC(year, mon, day, hours, minutes, seconds, ms);
  if (zoneText === "Z") return utc;
  // A number that is not a valid zone happens to follow the time.
  if (zoneText === undefined || /[+-](1[5-9]|[2-9])/.test(zoneText)) {
    return new Date(year, mon, day, hours, minutes, seconds, ms).getTime();
  }
  const [, sign, zoneHours, zoneMinutes] = /([+-])(\d\d):?(\d\d)/.exec(zoneText) ?? [];
  const offset = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * 60_000;
  return sign === "-" ? utc + offset : utc - offset;
}

/**
 * Reads a key at the top of the object; in a truncated object, the first text that looks like it.
 */
function parseJsonTime(line: string, reference: number): number | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (!isJsonObject(value)) return undefined;
    for (const key of jsonKeys) {
      const time = parseValue(value[key], reference);
      if (time !== undefined) return time;
    }
    return undefined;
  } catch {
    const [, text, number] = inJson.exec(line) ?? [];
    return parseValue(number === undefined ? text : Number(number), reference);
  }
}

function parseValue(value: unknown, reference: number): number | undefined {
  if (typeof value === "number") return parseEpoch(value);
  if (typeof value !== "string") return undefined;
  if (/^\d{9,19}(\.\d+)?$/.test(value)) return parseEpoch(Number(value));
  const found = anywhere.exec(value.slice(0, searchChars));
  return found === null ? undefined : parseMatch(found, reference);
}

/**
 * Converts seconds, milliseconds, microseconds or nanoseconds, whichever gives a plausible year.
 */
function parseEpoch(value: number): number | undefined {
  if (!Number.isFinite(value) || value < 1e8) return undefined;
  if (value < 1e11) return Math.floor(value * 1_000);
  if (value < 1e14) return Math.floor(value);
  return Math.floor(value < 1e17 ? value / 1e3 : value / 1e6);
}
