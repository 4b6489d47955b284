import { expect, test } from "bun:test";
import type { Job } from "../../../../../lib/control/core/model.ts";
import {
  optionsText,
  readOptions,
  readTarget,
  targetText,
} from "../../../../../lib/control/journal/index/jobTexts.ts";

const job: Job = {
  jobId: "j1",
  command: "ping",
  target: { agents: ["a"] },
  timeoutMs: 1,
  ttlMs: 1,
  createdAt: 1,
  createdBy: "t",
};

test("a single agent is stored as its id, any other target as JSON", () => {
  expect(targetText({ agents: ["web-1"] })).toBe("web-1");
  const others = [{ agents: ["a", "b"] }, { agents: [] }, { agents: ["{"] }, {}];
  for (const target of [{ agents: ["web-1"] }, ...others] as Job["target"][]) {
    expect(readTarget(targetText(target))).toEqual(target);
  }
});

test("a job without options stores none", () => {
  expect(optionsText(job)).toBeNull();
  expect(optionsText({ ...job, requireOnline: false, needsApproval: false })).toBeNull();
  expect(readOptions(null)).toEqual({});
});

test("options come back as they were", () => {
  const rollout = { batch: 0, maxFailures: 0, waves: true, batchPauseMs: 5, canary: 1 };
  const names = { reason: "a \0 b", retryOf: "j0", template: "t", traceparent: "00-1" };
  const rest = { canaryPauseMs: 2, requireOnline: true, needsApproval: true, notAfter: "2026" };
  const options = { ...rollout, ...names, ...rest };
  const idempotency = { key: "k", fingerprint: "f" };
  const found = readOptions(optionsText({ ...job, ...options, idempotency }));
  expect(found).toEqual({ ...options, fingerprint: "f" });
});
