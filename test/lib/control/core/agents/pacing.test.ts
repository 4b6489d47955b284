import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { pacingFor, shouldResend } from "../../../../../lib/control/core/agents/pacing.ts";

describe("pacingFor()", () => {
  test.each([
    [0, 15, 15, 1],
    [1, 15, 15, 1],
    [1_000, 15, 15, 1],
    [1_001, 15, 15, 2],
    [15_000, 15, 15, 15],
    [15_001, 15, 16, 16],
    [60_000, 15, 60, 60],
    [100_000, 15, 100, 60],
    [100_000, 300, 300, 60],
    [5, 1, 1, 1],
  ])("for %d agents at %d s", (agents, heartbeat, heartbeatSeconds, reconnectSeconds) => {
    expect(pacingFor(agents, heartbeat)).toEqual({ heartbeatSeconds, reconnectSeconds });
  });

  test.each([
    [1, 1],
    [1_000, 2],
    [10_000, 20],
    [100_000, 200],
    [200_000, 240],
  ])("under TLS %d agents come back over %d s", (agents, reconnectSeconds) => {
    expect(pacingFor(agents, 15, true).reconnectSeconds).toBe(reconnectSeconds);
    expect(pacingFor(agents, 15, true)).toMatchObject({
      heartbeatSeconds: pacingFor(agents, 15).heartbeatSeconds,
    });
  });

  test("never asks for more than 1000 heartbeats a second or for more than configured", () => {
    fc.assert(
      fc.property(fc.nat(3_000_000), fc.integer({ min: 1, max: 3_600 }), (agents, configured) => {
        const { heartbeatSeconds, reconnectSeconds } = pacingFor(agents, configured);
        expect(agents / heartbeatSeconds).toBeLessThanOrEqual(1_000);
        expect(heartbeatSeconds).toBeGreaterThanOrEqual(configured);
        expect(reconnectSeconds).toBeWithin(1, 61);
      }),
    );
  });
});

describe("shouldResend()", () => {
  const told = { heartbeatSeconds: 20, reconnectSeconds: 10 };
  test.each([
    [20, 10, false],
    [22, 10, false],
    [23, 10, true],
    [18, 10, false],
    [17, 10, true],
    [20, 11, false],
    [20, 12, true],
    [20, 9, false],
    [20, 8, true],
    [17, 8, true],
  ])(
    "shouldResend(): heartbeat 20 s and window 10 s, now %d s and %d s: %p",
    (heartbeat, reconnect, outdated) => {
      const now = { heartbeatSeconds: heartbeat, reconnectSeconds: reconnect };
      expect(shouldResend(told, now)).toBe(outdated);
    },
  );
});
