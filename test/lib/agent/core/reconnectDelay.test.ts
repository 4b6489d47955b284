import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  type ReconnectInput,
  reconnectDelayMs,
} from "../../../../lib/agent/core/reconnectDelay.ts";
import {
  backoffMsMax,
  reconnectJitterMsMax,
  slowReconnectMs,
} from "../../../../lib/protocol/limits.ts";

function delay(facts: Partial<ReconnectInput>): number {
  return reconnectDelayMs({
    attempt: 0,
    spreadMs: 0,
    closeCode: 1006,
    retryAfterMs: undefined,
    random: 1,
    ...facts,
  });
}

describe("reconnectDelayMs()", () => {
  test("has a ceiling that doubles up to the cap", () => {
    const ceilings = Array.from({ length: 9 }, (_, attempt) => delay({ attempt }));
    expect(ceilings).toEqual([
      ...[1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000],
    ]);
    expect(delay({ attempt: 1e9 })).toBe(backoffMsMax);
    expect(delay({ attempt: Number.POSITIVE_INFINITY })).toBe(backoffMsMax);
  });

  test("reconnectDelayMs(): the jitter goes down to zero", () => {
    expect(delay({ attempt: 3, random: 0 })).toBe(0);
    expect(delay({ attempt: 3, random: 0.25 })).toBe(2_000);
    expect(delay({ attempt: 20, random: 0.5 })).toBe(backoffMsMax / 2);
  });

  test("reconnectDelayMs(): the first reconnect is spread over the reconnect window, up to the maximum", () => {
    expect(delay({ spreadMs: 20_000 })).toBe(20_000);
    expect(delay({ spreadMs: 20_000, random: 0.5 })).toBe(10_000);
    expect(delay({ spreadMs: 20_000, attempt: 5 })).toBe(32_000);
    expect(delay({ spreadMs: 240_000 })).toBe(240_000);
    expect(delay({ spreadMs: 900_000 })).toBe(reconnectJitterMsMax);
  });

  test.each([4400, 4401, 4403, 4409, 4429])(
    "waits for long after the close code %d",
    (closeCode) => {
      expect(delay({ closeCode, random: 0 })).toBe(slowReconnectMs);
      expect(delay({ closeCode, random: 0.5 })).toBe(slowReconnectMs * 1.5);
      expect(delay({ closeCode, attempt: 50, spreadMs: 50_000 })).toBe(slowReconnectMs * 2);
    },
  );

  test.each([1000, 1001, 1006, 1011, 1012, 1013, 4408, 4413, 4999])(
    "backs off as usual after the close code %d",
    (closeCode) => {
      expect(delay({ closeCode })).toBe(1_000);
    },
  );

  test("reconnectDelayMs(): after a goaway it is the requested delay", () => {
    expect(delay({ retryAfterMs: 0 })).toBe(0);
    expect(delay({ retryAfterMs: 7_000, closeCode: 4401, attempt: 9, random: 0.1 })).toBe(7_000);
  });

  test("is never negative, never NaN, and never above the longest spread", () => {
    fc.assert(
      fc.property(
        fc.nat(5_000),
        fc.nat(3_600_000),
        fc.integer({ min: 1000, max: 4999 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, spreadMs, closeCode, random) => {
          const ms = delay({ attempt, spreadMs, closeCode, random });
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(ms).toBeLessThanOrEqual(reconnectJitterMsMax);
        },
      ),
    );
  });
});
