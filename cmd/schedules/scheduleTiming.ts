/** The flags that say when a schedule runs. */
import type { ArgsDef } from "citty";
import { isTimestamp } from "../../lib/protocol/timestamp.ts";
import type { Timing } from "../../lib/protocol/timing.ts";
import { usage } from "../cli/strictArgs.ts";
import { parseSeconds } from "../flags/values.ts";

export const timingArgs = {
  cron: {
    type: "string",
    valueHint: "FIELDS",
    description: 'minute hour day month weekday, "0 3 * * 1-5"; six fields begin with seconds',
  },
  "time-zone": {
    type: "string",
    valueHint: "ZONE",
    description: "time zone of --cron, such as Europe/Berlin; default: UTC",
  },
  every: {
    type: "string",
    valueHint: "TIME",
    description: "interval, counted from now, or from --not-before",
  },
  at: {
    type: "string",
    valueHint: "TIME",
    description: "time of a single run: 2030-01-02T22:00:00Z, or 30m from now",
  },
} as const satisfies ArgsDef;

export interface TimingFlags {
  cron?: string | undefined;
  "time-zone"?: string | undefined;
  every?: string | undefined;
  at?: string | undefined;
}

/** @throws {WsctlError} USAGE with the invalid flag. */
export function parseTiming(flags: TimingFlags): Timing {
  const { cron, every, at } = flags;
  const given = [cron, every, at].filter((each) => each !== undefined);
  if (given.length !== 1) throw usage("Specify exactly one of --cron, --every or --at");
  const zone = flags["time-zone"];
  if (cron !== undefined) return { cron, time_zone: zone ?? "UTC" };
  if (zone !== undefined) throw usage("Flag --time-zone needs --cron");
  if (every !== undefined) return { every_seconds: parseSeconds("every", every) };
  return { at: parseFutureMoment("at", at ?? "") };
}

/**
 * Parses a time, or a duration from now.
 * @throws {WsctlError} USAGE with the flag.
 */
export function parseFutureMoment(flag: string, text: string): string {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) {
    return new Date(Date.now() + parseSeconds(flag, text) * 1000).toISOString();
  }
  // A date that does not exist must not become another date.
  const isThere = isTimestamp(text.replace(/[+-]\d\d:\d\d$/, "Z"));
  if (isThere && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString();
  throw usage(
    `Flag --${flag} is "${text}": expected 2030-01-02T22:00:00Z, or a time from now such as 30m`,
  );
}
