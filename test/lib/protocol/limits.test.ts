import { expect, test } from "bun:test";
import * as limits from "../../../lib/protocol/limits.ts";

test("limits are positive finite numbers", () => {
  for (const [name, limit] of Object.entries(limits)) {
    expect([name, Number.isFinite(limit) && limit > 0]).toEqual([name, true]);
  }
});

test("limits: dependent limits are consistent", () => {
  expect(limits.messageBytesMax).toBe(65_536);
  expect(limits.parametersBytesMax).toBeLessThan(limits.messageBytesMax);
  expect(limits.bodyBytesMax).toBeGreaterThan(limits.parametersBytesMax);
  expect(limits.messageBytesBurstMax).toBeGreaterThan(limits.messageBytesMax);
  expect(limits.sendQueueBytesMax).toBeGreaterThan(limits.messageBytesMax);
  expect(limits.openPerAgentMax).toBeLessThanOrEqual(limits.openMax);
  expect(limits.inflightPerAgentMax).toBeLessThanOrEqual(limits.runningMax + limits.acceptedMax);
  expect(limits.backoffBaseMs).toBeLessThan(limits.backoffMsMax);
});

test("limits: defaults are within the maximum values", () => {
  expect(limits.timeoutSecondsDefault).toBeLessThanOrEqual(limits.timeoutSecondsMax);
  expect(limits.ttlSecondsDefault).toBeLessThanOrEqual(limits.ttlSecondsMax);
});

test("an agent remembers a request at least as long as the longest TTL", () => {
  expect(limits.dedupWindowMs).toBeGreaterThanOrEqual(limits.ttlSecondsMax * 1000);
});
