import { expect, test } from "bun:test";
import { reconnectDeadline } from "../../../../../lib/control/core/requests/expiry.ts";
import { connectTimeoutMs, recoveryGraceMs } from "../../../../../lib/protocol/limits.ts";

test.each([
  [1, recoveryGraceMs],
  [40, recoveryGraceMs],
  [60, 60_000 + connectTimeoutMs],
  [240, 240_000 + connectTimeoutMs],
])("agents that come back over %d s are waited for %d ms after a restart", (spread, ms) => {
  expect(reconnectDeadline(1_000, { reconnectSeconds: spread })).toBe(1_000 + ms);
});
