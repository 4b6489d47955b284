import { describe, expect, test } from "bun:test";
import { checkTiming, computeJitter } from "../../../lib/control/schedules/nextRun.ts";
import type { Timing } from "../../../lib/protocol/timing.ts";
import { countDueTimes, isDueTime, nextAfter } from "../../../lib/timing/dueTimes.ts";

const at = (text: string) => Date.parse(text);
const told = (moment: number | undefined) =>
  moment === undefined ? "never" : new Date(moment).toISOString();

function runs(timing: Timing, from: string, count: number): string[] {
  const found: string[] = [];
  let after = at(from);
  for (let run = 0; run < count; run++) {
    const next = nextAfter(timing, at(from), after);
    found.push(told(next));
    after = next ?? after;
  }
  return found;
}

describe("civil time", () => {
  test.each([
    ["0 3 * * *", "UTC", ["2026-01-01T03:00:00.000Z", "2026-01-02T03:00:00.000Z"]],
    ["*/20 * * * *", "UTC", ["2026-01-01T00:20:00.000Z", "2026-01-01T00:40:00.000Z"]],
    ["30 0 9 * * 1-5", "UTC", ["2026-01-01T09:00:30.000Z", "2026-01-02T09:00:30.000Z"]],
    ["0 3 * * *", "Europe/Berlin", ["2026-01-01T02:00:00.000Z", "2026-01-02T02:00:00.000Z"]],
    ["0 0 29 2 *", "UTC", ["2028-02-29T00:00:00.000Z", "2032-02-29T00:00:00.000Z"]],
  ])("%s in %s", (cron, time_zone, expected) => {
    expect(runs({ cron, time_zone }, "2026-01-01T00:00:00Z", 2)).toEqual(expected);
  });

  test("an hour that is skipped in spring and one that comes twice in autumn give one run a day", () => {
    const nightly = { cron: "30 2 * * *", time_zone: "Europe/Berlin" };
    const spring = runs(nightly, "2026-03-28T00:00:00Z", 3);
    expect(spring.map((moment) => moment.slice(0, 10))).toEqual([
      ...["2026-03-28", "2026-03-29", "2026-03-30"],
    ]);
    const autumn = runs(nightly, "2026-10-24T00:00:00Z", 3);
    expect(autumn.map((moment) => moment.slice(0, 10))).toEqual([
      ...["2026-10-24", "2026-10-25", "2026-10-26"],
    ]);
  });

  test.each([
    ["61 * * * *", "UTC", /Cannot schedule "61 \* \* \* \*" in UTC/],
    ["* * *", "UTC", /Cannot schedule "\* \* \*"/],
    ["nightly", "UTC", /Cannot schedule "nightly"/],
    ["0 3 * * *", "Mars/Olympus", /in Mars\/Olympus/],
    ["0 0 30 2 *", "UTC", /it has no future run/],
  ])("%s in %s is refused", (cron, time_zone, says) => {
    expect(() => checkTiming({ cron, time_zone }, at("2026-01-01T00:00:00Z"))).toThrow(says);
  });
});

describe("spans", () => {
  test("schedule: intervals count from the creation, whatever runs were skipped", () => {
    const timing = { every_seconds: 900 };
    const begun = at("2026-01-01T00:00:07Z");
    expect(told(nextAfter(timing, begun, begun))).toBe("2026-01-01T00:15:07.000Z");
    expect(told(nextAfter(timing, begun, at("2026-01-01T05:20:00Z")))).toBe(
      "2026-01-01T05:30:07.000Z",
    );
    expect(told(nextAfter(timing, begun, at("2026-01-01T00:15:07Z")))).toBe(
      "2026-01-01T00:30:07.000Z",
    );
  });

  test.each([1.0000001, 2.007, 2.011, 4.001, 100 / 3, 3600 / 7, 60.0001])(
    "of %d s never lead back to where they came from",
    (every_seconds) => {
      const begun = at("2026-11-25T14:01:18.123Z");
      let after = begun;
      for (let run = 0; run < 2_000; run++) {
        const next = nextAfter({ every_seconds }, begun, after) ?? 0;
        expect(next).toBeGreaterThan(after);
        after = next;
      }
    },
  );

  test("schedule: --at runs once", () => {
    const once = { at: "2026-01-01T12:00:00Z" };
    expect(runs(once, "2026-01-01T00:00:00Z", 2)).toEqual(["2026-01-01T12:00:00.000Z", "never"]);
    expect(() => checkTiming(once, at("2026-01-02T00:00:00Z"))).toThrow(/is in the past/);
  });
});

test("jitter is the same for the same run, within its bounds, and spread", () => {
  const found = Array.from({ length: 200 }, (_, run) => computeJitter("a", run * 60_000, 10_000));
  expect(found).toEqual(
    Array.from({ length: 200 }, (_, run) => computeJitter("a", run * 60_000, 10_000)),
  );
  expect(found.every((ms) => ms >= 0 && ms < 10_000)).toBe(true);
  expect(new Set(found.map((ms) => Math.floor(ms / 1_000))).size).toBe(10);
  expect(computeJitter("a", 1, 0)).toBe(0);
  expect(computeJitter("a", 1, 0.5)).toBe(0);
});

describe("a due time of a signed schedule", () => {
  const year = [at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")] as const;

  test.each([
    ["30 2 * * *", "Europe/Berlin"],
    ["15 1-3 * * *", "America/New_York"],
    ["*/20 * 1-10 4,10 *", "Australia/Lord_Howe"],
    ["30 0 2 * * *", "UTC"],
  ])("each time at which %s in %s runs is one, through the changes of the clock", (cron, zone) => {
    const timing = { cron, time_zone: zone };
    let [due] = year;
    while (due < year[1]) {
      due = nextAfter(timing, year[0], due) ?? year[1];
      if (!isDueTime(timing, year[0], due)) throw new Error(`${told(due)} is none`);
    }
  });

  test.each([
    [{ cron: "0 3 * * *", time_zone: "UTC" }, "2026-01-02T03:00:01.000Z"],
    [{ cron: "0 3 * * *", time_zone: "UTC" }, "2026-01-02T03:00:00.001Z"],
    [{ cron: "0 3 * * *", time_zone: "Europe/Berlin" }, "2026-01-02T03:00:00.000Z"],
    [{ every_seconds: 900 }, "2026-01-01T00:15:00.001Z"],
    [{ every_seconds: 900 }, "2026-01-01T00:00:00.000Z"],
    [{ every_seconds: 900 }, "2025-12-31T23:45:00.000Z"],
    [{ at: "2026-01-01T12:00:00Z" }, "2026-01-01T12:00:01.000Z"],
  ])("%j does not include %s", (timing, moment) => {
    expect(isDueTime(timing, year[0], at(moment))).toBe(false);
  });

  test("intervals with a fraction of a millisecond have one time each, as it is sent", () => {
    const timing = { every_seconds: 1.0005 };
    const first = Math.trunc(nextAfter(timing, year[0], year[0]) ?? 0);
    const around = [first - 1, first, first + 1].map((each) => isDueTime(timing, year[0], each));
    expect(around).toEqual([false, true, false]);
  });

  test("due times are counted within the bounds, and no further than asked", () => {
    const [from, through] = [year[0], at("2026-01-08T03:00:00Z")];
    const nightly = { cron: "0 3 * * *", time_zone: "UTC" };
    const count = (timing: Timing, after: number, max = 100) =>
      countDueTimes(timing, from, { after, through, max });
    expect(count(nightly, from)).toBe(8);
    expect(count(nightly, at("2026-01-01T03:00:00Z"))).toBe(7);
    expect(count(nightly, from, 5)).toBe(5);
    expect(count({ every_seconds: 86_400 }, from)).toBe(7);
    expect(count({ every_seconds: 86_400 }, from - 1)).toBe(7);
    expect(count({ every_seconds: 86_400 }, from + 86_400_000)).toBe(6);
    expect(count({ at: "2026-01-08T03:00:00Z" }, from)).toBe(1);
  });
});
