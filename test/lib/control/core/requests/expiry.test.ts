import { expect, test } from "bun:test";
import { allBackBy } from "../../../../../lib/control/core/requests/expiry.ts";
import { dialMs, recoveryGraceMs } from "../../../../../lib/protocol/limits.ts";

test.each([
  [1, recoveryGraceMs],
  [40, recoveryGraceMs],
  [60, 60_000 + dialMs],
  [240, 240_000 + dialMs],
])("agents that come back over %d s are waited for %d ms after a restart", (spread, ms) => {
  expect(allBackBy(1_000, { reconnectSeconds: spread })).toBe(1_000 + ms);
});
