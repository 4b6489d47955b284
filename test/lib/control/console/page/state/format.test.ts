/** What the pages of the console say. */
import { expect, test } from "bun:test";
import * as words from "../../../../../../lib/control/console/page/state/format.ts";

type Agent = Parameters<typeof words.agentState>[0];

test("visible() escapes what could hide or turn text", () => {
  expect(words.visible("a\u202eb\u0007\u200b\n")).toBe("a\\u{202e}b\\x07\\u{200b}\n");
});

test.each([
  [0, "0 s ago"],
  [59, "59 s ago"],
  [60, "1 min ago"],
  [3_600, "1 h ago"],
  [47 * 3_600, "47 h ago"],
  [48 * 3_600, "2 days ago"],
])("ago() of %d seconds is %s", (seconds, text) => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  expect(words.ago(new Date(now - seconds * 1000).toISOString(), now)).toBe(text);
});

test("ago() of what never was is never", () => {
  expect(words.ago(undefined, 0)).toBe("never");
});

test.each([
  [{ online: true, access: "active" }, "online", "good"],
  [{ online: true, access: "active", drained: true }, "online, drained", "wait"],
  [{ online: false, access: "active" }, "offline", "off"],
  [{ online: false, access: "pending" }, "pending approval", "wait"],
  [{ online: false, access: "fenced" }, "blocked (fenced)", "bad"],
])("agentState(%j) is %s", (agent, text, tone) => {
  expect(words.agentState(agent as Agent)).toEqual({ text, tone } as words.Shown);
});

test.each([
  [{ total: 2, ended: 2, succeeded: 2 }, "succeeded", "2 of 2"],
  [{ total: 2, ended: 2, succeeded: 1 }, "not all succeeded", "2 of 2, 1 did not succeed"],
  [{ total: 2, ended: 1, succeeded: 1 }, "running", "1 of 2"],
  [
    { total: 2, ended: 0, succeeded: 0, approval: { status: "pending" } },
    "pending approval",
    "0 of 2",
  ],
  [{ total: 2, ended: 0, succeeded: 0, paused_at: "x" }, "paused", "0 of 2"],
  [
    { total: 2, ended: 1, succeeded: 0, cancelled_at: "x" },
    "cancelling",
    "1 of 2, 1 did not succeed",
  ],
])("jobState(%j) is %s", (job, text, progress) => {
  expect(words.jobState(job as words.StateOfJob).text).toBe(text);
  expect(words.jobProgress(job as words.StateOfJob)).toBe(progress);
});
