import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { RateLimiter } from "../../../../../lib/control/core/agents/rateLimiter.ts";
import {
  messageBytesBurstMax,
  messageBytesMax,
  messageBytesPerSecondMax,
  messagesBurstMax,
  messagesPerSecondMax,
  protocolViolationsMax,
  protocolViolationsWindowMs,
} from "../../../../../lib/protocol/limits.ts";

const start = 1_000_000;

/** How many messages of this size are admitted in a row at one moment. */
function admittedAt(rateLimiter: RateLimiter, bytes: number, now: number): number {
  let count = 0;
  while (rateLimiter.admit(bytes, now)) count++;
  return count;
}

describe("RateLimiter.admit()", () => {
  test("admits a burst of messages and no more", () => {
    expect(admittedAt(new RateLimiter(start), 1, start)).toBe(messagesBurstMax);
  });

  test("admits a burst of bytes and no more", () => {
    const whole = Math.floor(messageBytesBurstMax / messageBytesMax);
    expect(admittedAt(new RateLimiter(start), messageBytesMax, start)).toBe(whole);
    expect(new RateLimiter(start).admit(messageBytesBurstMax, start)).toBe(true);
    expect(new RateLimiter(start).admit(messageBytesBurstMax + 1, start)).toBe(false);
  });

  test("RateLimiter.admit(): unused rate is not saved beyond the burst", () => {
    expect(admittedAt(new RateLimiter(start), 1, start + 86_400_000)).toBe(messagesBurstMax);
  });

  test("refills by the second", () => {
    const rateLimiter = new RateLimiter(start);
    for (let sent = 0; sent < messagesBurstMax; sent++) rateLimiter.admit(0, start);
    expect(admittedAt(rateLimiter, 0, start + 500)).toBe(messagesPerSecondMax / 2);
    const bytes = new RateLimiter(start);
    bytes.admit(messageBytesBurstMax, start);
    expect(bytes.admit(messageBytesPerSecondMax, start + 999)).toBe(false);
    const waited = new RateLimiter(start);
    waited.admit(messageBytesBurstMax, start);
    expect(waited.admit(messageBytesPerSecondMax, start + 1_000)).toBe(true);
  });

  test("admits a steady sender at the full rate for ever", () => {
    const rateLimiter = new RateLimiter(start);
    const perTick = messagesPerSecondMax / 100;
    let refused = 0;
    for (let tick = 1; tick <= 1_000; tick++) {
      for (let sent = 0; sent < perTick; sent++) {
        if (!rateLimiter.admit(1_000, start + tick * 10)) refused++;
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
        const rateLimiter = new RateLimiter(start);
        let now = start;
        let admitted = 0;
        for (const { ms, messages } of steps) {
          now += ms;
          for (let sent = 0; sent < messages; sent++) if (rateLimiter.admit(1, now)) admitted++;
        }
        const allowed = messagesBurstMax + ((now - start) / 1_000) * messagesPerSecondMax;
        expect(admitted).toBeLessThanOrEqual(Math.ceil(allowed));
      }),
      { numRuns: 30 },
    );
  });

  test("RateLimiter.admit(): a clock that is set back counts as unchanged", () => {
    const rateLimiter = new RateLimiter(start);
    expect(rateLimiter.admit(1, start - 60_000)).toBe(true);
    expect(admittedAt(rateLimiter, 1, start - 60_000)).toBe(messagesBurstMax - 1);
  });
});

describe("RateLimiter.countViolation()", () => {
  function strikes(rateLimiter: RateLimiter, count: number, now: number): boolean[] {
    return Array.from({ length: count }, () => rateLimiter.countViolation(now));
  }

  test("rate limiter: allows the maximum of violations per window and no more", () => {
    const rateLimiter = new RateLimiter(start);
    expect(strikes(rateLimiter, protocolViolationsMax, start)).not.toContain(true);
    expect(rateLimiter.countViolation(start)).toBe(true);
  });

  test("rate limiter: counts violations until the window ends, and from zero afterwards", () => {
    const rateLimiter = new RateLimiter(start);
    strikes(rateLimiter, protocolViolationsMax, start);
    const other = new RateLimiter(start);
    strikes(other, protocolViolationsMax, start);
    expect(rateLimiter.countViolation(start + protocolViolationsWindowMs)).toBe(true);
    expect(other.countViolation(start + protocolViolationsWindowMs + 1)).toBe(false);
  });

  test("counts from zero on a clock that starts at zero", () => {
    const rateLimiter = new RateLimiter(0);
    expect(strikes(rateLimiter, protocolViolationsMax, 0)).not.toContain(true);
    expect(rateLimiter.countViolation(1)).toBe(true);
  });
});
