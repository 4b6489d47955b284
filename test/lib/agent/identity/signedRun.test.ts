import { describe, expect, test } from "bun:test";
import { CommandTrust } from "../../../../lib/agent/identity/commandTrust.ts";
import type { Command } from "../../../../lib/protocol/wire/message.ts";
import {
  hourly,
  newSigner,
  scheduledRun,
  signedSubject,
} from "../../../support/fixtures/signedSchedules.ts";

const [alice, bob] = [newSigner(), newSigner()];
const trust = new CommandTrust([alice.text], "web-1");
const due = "2026-01-01T05:00:00.000Z";
const at = (text: string) => Date.parse(text);
const terms = (more: Partial<typeof hourly>) => ({ ...hourly, ...more });
const other = (more: Partial<typeof hourly>) => ({ ...signedSubject, schedule: terms(more) });

/** Why the agent refuses the run; undefined if it may start. */
function refusal(command: Command, now = at(due)): string | undefined {
  const checked = trust.check(command, now);
  return "refusal" in checked ? checked.refusal : undefined;
}

describe("a run of a signed schedule", () => {
  test("is accepted when it is due, with what its count needs", () => {
    expect(trust.check(scheduledRun([alice], due), at(due))).toEqual({
      signedBy: [alice.publicKey.id],
      run: {
        scheduleId: hourly.schedule_id,
        dueAt: at(due),
        maxRuns: 3,
        isExclusive: false,
        keepUntil: at("2026-01-02T01:00:00.000Z"),
      },
    });
  });

  test("needs as many of the trusted keys as the rule of the host says", () => {
    const both = new CommandTrust([`2:${alice.text},${bob.text}`], "web-1");
    expect(both.check(scheduledRun([alice], due), at(due))).toHaveProperty("refusal");
    expect(both.check(scheduledRun([alice, bob], due), at(due))).toHaveProperty("run");
  });

  test.each([
    ["the agent", { ...signedSubject, agent: "web-2" }, {}],
    ["a parameter", signedSubject, { parameters: { delay_seconds: 6 } }],
    ["the command", signedSubject, { command: "ping" }],
    ["the number of runs", signedSubject, { schedule: terms({ max_runs: 4 }) }],
    ["the end", signedSubject, { schedule: terms({ not_after: "2026-01-03T00:00:00.000Z" }) }],
    ["the beginning", signedSubject, { schedule: terms({ not_before: "2025-12-31T00:00:00Z" }) }],
    ["the timing", signedSubject, { schedule: terms({ timing: { every_seconds: 60 } }) }],
    ["the timeout", signedSubject, { schedule: terms({ timeout_seconds: 3600 }) }],
    ["the time to live", signedSubject, { schedule: terms({ ttl_seconds: 3600 }) }],
    ["the jitter", signedSubject, { schedule: terms({ jitter_seconds: 60 }) }],
    ["the deadline", signedSubject, { schedule: terms({ starting_deadline_seconds: 600 }) }],
    ["the policy", signedSubject, { schedule: terms({ concurrency_policy: "replace" }) }],
    ["the name", signedSubject, { schedule: terms({ name: "other" }) }],
    ["its id", signedSubject, { schedule: terms({ schedule_id: crypto.randomUUID() }) }],
  ])("is refused if %s is not the signed one", (_what, subject, sent) => {
    expect(refusal(scheduledRun([alice], due, subject, sent))).toInclude("is not signed for this");
  });

  test("is refused without a signature that the host trusts", () => {
    expect(refusal(scheduledRun([bob], due))).toInclude("is not signed for this agent by a key");
    expect(refusal(scheduledRun([], due))).toInclude("wsctl schedules create --sign KEY");
  });

  test.each([
    ["without a due time", undefined, due, "has no due time"],
    ["due between two due times", "2026-01-01T05:30:00.000Z", due, "does not include"],
    ["due before the beginning", "2025-12-31T23:00:00.000Z", due, "outside its bounds"],
    ["due after the end", "2026-01-02T01:00:00.000Z", due, "outside its bounds"],
    ["not due yet", "2026-01-01T06:00:00.000Z", "2026-01-01T05:58:59Z", "is not due until"],
    ["later than all its delays", due, "2026-01-01T05:11:01Z", "is too late: it was due"],
    ["after the end", "2026-01-01T23:00:00.000Z", "2026-01-02T00:00:00Z", "ended at"],
  ])("is refused %s", (_when, dueAt, now, says) => {
    expect(refusal(scheduledRun([alice], dueAt), at(now))).toInclude(says);
  });

  test("may start a minute early, because clocks differ, and until its delays have passed", () => {
    const next = scheduledRun([alice], "2026-01-01T06:00:00.000Z");
    expect(refusal(next, at("2026-01-01T05:59:00Z"))).toBeUndefined();
    expect(refusal(next, at("2026-01-01T06:11:00Z"))).toBeUndefined();
  });

  test("counts intervals from the beginning that was signed", () => {
    const quarter = other({ timing: { every_seconds: 900 } });
    expect(refusal(scheduledRun([alice], due, quarter))).toBeUndefined();
    const shifted = other({ timing: { every_seconds: 900 }, not_before: "2026-01-01T00:01:00Z" });
    expect(refusal(scheduledRun([alice], due, shifted))).toInclude("does not include");
  });

  test("is refused if the signed expression is none", () => {
    const odd = other({ timing: { cron: "61 * * * *", time_zone: "UTC" } });
    expect(refusal(scheduledRun([alice], due, odd))).toInclude("does not include");
  });
});
