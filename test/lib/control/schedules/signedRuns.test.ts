import { describe, expect, test } from "bun:test";
import type { StoredSchedule } from "../../../../lib/control/journal/tables/scheduleTable.ts";
import { latestDue, nextDue, replanned } from "../../../../lib/control/schedules/plannedRun.ts";
import {
  buildSignedRun,
  checkSigned,
  describeEnd,
  endedReason,
} from "../../../../lib/control/schedules/signedRuns.ts";
import type { ScheduleSpec } from "../../../../lib/protocol/api/schedules.ts";

const at = (text: string) => Date.parse(`2026-01-${text}.000Z`);
const signed: NonNullable<ScheduleSpec["signed"]> = {
  schedule_id: "01a22996-5651-769b-8b4d-c561d40a425a",
  not_before: "2026-01-01T00:00:00.000Z",
  not_after: "2026-01-11T00:00:00.000Z",
  max_runs: 5,
  agents: [{ agent: "web-1", signatures: [{ key: "0".repeat(16), signature: "A".repeat(86) }] }],
};
const spec: ScheduleSpec = {
  name: "nightly",
  timing: { cron: "0 3 * * *", time_zone: "UTC" },
  starting_deadline_seconds: 60,
  concurrency_policy: "forbid",
  jitter_seconds: 0,
  signed,
  job: {
    command: "ping",
    target: { agents: ["web-1"] },
    ttl_seconds: 600,
    priority: "normal",
    require_online: false,
  },
};
const stored = (more: Partial<StoredSchedule> = {}): StoredSchedule => {
  return { scheduleId: signed.schedule_id, spec, createdAt: 0, createdBy: "t", ...more };
};
const every = (seconds: number) => ({ ...spec, timing: { every_seconds: seconds } });

describe("a signed schedule at the control plane", () => {
  test("is due from its beginning to its end, and as often as it is signed", () => {
    expect(nextDue(stored(), 0)).toBe(at("01T03:00:00"));
    expect(nextDue(stored(), at("10T02:00:00"))).toBe(at("10T03:00:00"));
    expect(nextDue(stored(), at("10T03:00:00"))).toBeUndefined();
    expect(nextDue(stored({ runs: 4 }), 0)).toBeDefined();
    expect(nextDue(stored({ runs: 5 }), 0)).toBeUndefined();
  });

  test("counts its intervals from its signed beginning, whenever it was created", () => {
    const created = { createdAt: at("01T12:34:56"), spec: every(86_400) };
    expect(nextDue(stored(created), at("03T01:00:00"))).toBe(at("04T00:00:00"));
    const due = stored({ ...created, nextAt: at("04T00:00:00") });
    expect(latestDue(due, at("04T00:00:00"), at("04T00:00:30"))).toBe(at("04T00:00:00"));
  });

  test("makes up for no run that its agents have had, after the clock was set back", () => {
    const last = { dueAt: at("04T03:00:00"), jobId: "j" };
    const ahead = stored({ nextAt: at("09T03:00:00"), last });
    expect(replanned(ahead, at("02T00:00:00"))?.nextAt).toBe(at("05T03:00:00"));
  });

  test("sends what is signed, with the due time", () => {
    expect(buildSignedRun(spec, at("04T03:00:00"))).toEqual({
      schedule: {
        schedule_id: signed.schedule_id,
        not_before: signed.not_before,
        not_after: signed.not_after,
        max_runs: 5,
        name: "nightly",
        timing: spec.timing,
        starting_deadline_seconds: 60,
        jitter_seconds: 0,
        concurrency_policy: "forbid",
        timeout_seconds: 30,
        ttl_seconds: 600,
      },
      dueAt: "2026-01-04T03:00:00.000Z",
    });
  });

  test("is accepted only for exactly the agents that were signed, and before its end", () => {
    const now = at("02T00:00:00");
    const target = (value: object) => ({ ...spec, job: { ...spec.job, target: value } });
    expect(() => checkSigned(spec, now)).not.toThrow();
    for (const value of [{ agents: ["web-1", "web-2"] }, { agents: ["web-2"] }, { all: true }]) {
      expect(() => checkSigned(target(value) as ScheduleSpec, now)).toThrow("do not cover");
    }
    const sampled = target({ agents: ["web-1"], sample: 1 }) as ScheduleSpec;
    expect(() => checkSigned(sampled, now)).toThrow("do not cover");
    expect(() => checkSigned(spec, at("11T00:00:00"))).toThrow("expired at 2026-01-11");
  });

  test("ends when its runs have started, or when none is due any more", () => {
    expect(endedReason(stored({ runs: 5 }))).toStartWith("its signatures allowed 5 runs");
    expect(endedReason(stored({ runs: 2 }))).toStartWith("no run is due before its signatures");
    const { signed: _none, ...plain } = spec;
    expect(endedReason(stored({ spec: plain }))).toBeUndefined();
  });

  test.each([
    ["three runs are left", { runs: 2 }, "03T03:00:00", true],
    ["more runs are left", { runs: 1 }, "03T03:00:00", false],
    ["three due times are left", {}, "08T03:00:00", true],
    ["four due times are left", {}, "07T03:00:00", false],
    ["three intervals are left", { spec: every(86_400) }, "09T00:00:00", true],
    ["four intervals are left", { spec: every(86_400) }, "08T00:00:00", false],
    ["a tenth of the time is left", { spec: every(60) }, "10T00:00:00", true],
    ["more of the time is left", { spec: every(60) }, "09T23:00:00", false],
  ])("whether it ends soon: %s", (_when, more, next, isSoon) => {
    const now = at(next) - 1;
    const found = describeEnd(stored({ ...more, nextAt: at(next) }), now + 1);
    expect(found !== undefined).toBe(isSoon);
    if (isSoon) expect(found).toMatchObject({ schedule: "nightly", not_after: signed.not_after });
  });
});
