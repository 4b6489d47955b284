import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Throttle } from "../../../../../lib/control/core/agents/rateLimiter.ts";
import {
  messageBytesBurstMax,
  messageBytesMax,
  messageBytesPerSecondMax,
  messagesBurstMax,
  messagesPerSecondMax,
  strikesMax,
  strikesWindowMs,
} from "../../../../../lib/protocol/limits.ts";

const start = 1_000_000;

/** How many messages of this size are admitted in a row at one moment. */
function admittedAt(throttle: Throttle, bytes: number, now: number): number {
  let count = 0;
  while (throttle.admit(bytes, now)) count++;
  return count;
}

describe("Throttle.admit()", () => {
  test("admits a burst of messages and no more", () => {
    expect(admittedAt(new Throttle(start), 1, start)).toBe(messagesBurstMax);
  });

  test("admits a burst of bytes and no more", () => {
    const whole = Math.floor(messageBytesBurstMax / messageBytesMax);
    expect(admittedAt(new Throttle(start), messageBytesMax, start)).toBe(whole);
    expect(new Throttle(start).admit(messageBytesBurstMax, start)).toBe(true);
    expect(new Throttle(start).admit(messageBytesBurstMax + 1, start)).toBe(false);
  });

  test("saves nothing up beyond the burst, however long it was quiet", () => {
    expect(admittedAt(new Throttle(start), 1, start + 86_400_000)).toBe(messagesBurstMax);
  });

  test("refills by the second", () => {
    const throttle = new Throttle(start);
    for (let sent = 0; sent < messagesBurstMax; sent++) throttle.admit(0, start);
    expect(admittedAt(throttle, 0, start + 500)).toBe(messagesPerSecondMax / 2);
    const bytes = new Throttle(start);
    bytes.admit(messageBytesBurstMax, start);
    expect(bytes.admit(messageBytesPerSecondMax, start + 999)).toBe(false);
    const waited = new Throttle(start);
    waited.admit(messageBytesBurstMax, start);
    expect(waited.admit(messageBytesPerSecondMax, start + 1_000)).toBe(true);
  });

  test("admits a steady sender at the full rate for ever", () => {
    const throttle = new Throttle(start);
    const perTick = messagesPerSecondMax / 100;
    let refused = 0;
    for (let tick = 1; tick <= 1_000; tick++) {
      for (let sent = 0; sent < perTick; sent++) {
        if (!throttle.admit(1_000, start + tick * 10)) refused++;
      }
    }
    expect(refused).toBe(0);
  });

  test("never admits more than the burst and the rate allow", () => {
    const gaps = fc.array(fc.record({ ms: fc.nat(300), messages: fc.nat(2_000) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(gaps, (steps) => {
        const throttle = new Throttle(start);
        let now = start;
        let admitted = 0;
        for (const { ms, messages } of steps) {
          now += ms;
          for (let sent = 0; sent < messages; sent++) if (throttle.admit(1, now)) admitted++;
        }
        const allowed = messagesBurstMax + ((now - start) / 1_000) * messagesPerSecondMax;
        expect(admitted).toBeLessThanOrEqual(Math.ceil(allowed));
      }),
      { numRuns: 30 },
    );
  });

  test("takes a clock that steps back for one that stands still", () => {
    const throttle = new Throttle(start);
    expect(throttle.admit(1, start - 60_000)).toBe(true);
    expect(admittedAt(throttle, 1, start - 60_000)).toBe(messagesBurstMax - 1);
  });
});

describe("Throttle.strike()", () => {
  function strikes(throttle: Throttle, count: number, now: number): boolean[] {
    return Array.from({ length: count }, () => throttle.strike(now));
  }

  test("forgives so many in a window, and not one more", () => {
    const throttle = new Throttle(start);
    expect(strikes(throttle, strikesMax, start)).not.toContain(true);
    expect(throttle.strike(start)).toBe(true);
  });

  test("counts up to the end of the window, and anew behind it", () => {
    const throttle = new Throttle(start);
    strikes(throttle, strikesMax, start);
    const other = new Throttle(start);
    strikes(other, strikesMax, start);
    expect(throttle.strike(start + strikesWindowMs)).toBe(true);
    expect(other.strike(start + strikesWindowMs + 1)).toBe(false);
  });

  test("counts from zero on a clock that starts at zero", () => {
    const throttle = new Throttle(0);
    expect(strikes(throttle, strikesMax, 0)).not.toContain(true);
    expect(throttle.strike(1)).toBe(true);
  });
});
