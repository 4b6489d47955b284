import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import type { Source } from "../../../../lib/agent/logs/logSource.ts";
import {
  checkFetchParameters,
  FetchLogsParameters,
} from "../../../../lib/agent/logs/parameters.ts";
import { parseTime } from "../../../../lib/agent/logs/parseTime.ts";
import { formatIssue } from "../../../../lib/protocol/schemaError.ts";

const now = Date.parse("2026-03-10T12:00:00Z");

describe("a moment", () => {
  test.each([
    ["2026-03-09T08:07:06Z", "2026-03-09T08:07:06Z"],
    ["2026-03-09T08:07:06.5+02:00", "2026-03-09T06:07:06.500Z"],
    ["2026-03-09T08:07+0200", "2026-03-09T06:07:00Z"],
    ["2026-03-09", "2026-03-09T00:00:00Z"],
    ["2026-03-09 08:07", "2026-03-09T08:07:00Z"],
    ["2026-03-09 08:07:06", "2026-03-09T08:07:06Z"],
    ["90s", "2026-03-10T11:58:30Z"],
    ["15m", "2026-03-10T11:45:00Z"],
    ["2h", "2026-03-10T10:00:00Z"],
    ["3d", "2026-03-07T12:00:00Z"],
  ])("%s", (text, time) => {
    expect(parseTime(text, now)).toBe(Date.parse(time));
  });

  test.each([
    "",
    "yesterday",
    "-5m",
    "5 m",
    "5w",
    "2026-03-09T08:07:06",
    "2026-02-30",
    "2026-02-30T00:00:00Z",
    "2026-13-01",
    "2026-03-09 25:00",
    "99999999999d",
  ])("%p is none", (text) => {
    expect(parseTime(text, now)).toBeUndefined();
  });
});

function faultOf(parameters: unknown): string | undefined {
  const parsed = v.safeParse(FetchLogsParameters, parameters);
  return parsed.success ? undefined : formatIssue(parsed.issues[0]);
}

describe("parameters", () => {
  test("name a source, and get a thousand lines of it", () => {
    expect(v.parse(FetchLogsParameters, { source: "nginx" })).toEqual({
      source: "nginx",
      lines: 1_000,
    });
  });

  test.each([
    [{}, /^source is missing$/],
    [{ source: "../etc" }, /^source must be lower-case/],
    [{ source: "a", lines: 0 }, /^lines must be a whole number from 1 to 1000000, or "all"$/],
    [{ source: "a", lines: 1.5 }, /^lines must be a whole number/],
    [{ source: "a", lines: 1_000_001 }, /^lines must be a whole number/],
    [{ source: "a", lines: "7" }, /^lines must be a whole number/],
    [{ source: "a", since: "now" }, /^since must be a time with its zone/],
    [{ source: "a", until: 5 }, /^until must be a time with its zone/],
    [{ source: "a", grep: "(" }, /^grep must be a JavaScript regular expression.*not compile$/],
    [{ source: "a", grep: "x".repeat(1_001) }, /^grep must be a JavaScript regular expression/],
    [{ source: "a", follow: 0 }, /^follow must be a whole number of seconds from 1 to 3600$/],
    [{ source: "a", follow: 3_601 }, /^follow must be/],
    [{ source: "a", path: "/etc/shadow" }, /^path is unknown$/],
  ])("%j are refused", (parameters, fault) => {
    expect(faultOf(parameters)).toMatch(fault);
  });

  test.each([
    { source: "a", lines: "all" },
    {
      source: "a",
      lines: 1_000_000,
      since: "2h",
      until: "2026-03-10",
      grep: "^a|b$",
      follow: 3_600,
    },
  ])("%j are taken", (parameters) => {
    expect(faultOf(parameters)).toBeUndefined();
  });

  test("that do not go together are told apart before anything is read", () => {
    const files: Source = { name: "a", kind: "files", files: ["/x"] };
    const command: Source = { name: "a", kind: "command", argv: ["x"] };
    const check = (source: Source, rest: object) =>
      checkFetchParameters(source, v.parse(FetchLogsParameters, { source: "a", ...rest }), now);
    expect(check(command, { follow: 5 })).toMatch(/^parameters.follow: .* has no follow_argv$/);
    expect(check({ ...command, follow_argv: ["y"] }, { follow: 5 })).toBeUndefined();
    expect(check(files, { follow: 5 })).toBeUndefined();
    expect(check(files, { follow: 5, until: "5m" })).toMatch(/cannot be combined/);
    expect(check(files, { since: "5m", until: "10m" })).toMatch(
      /since must not be after parameters.until/,
    );
    expect(check(files, { since: "10m", until: "5m" })).toBeUndefined();
  });
});
