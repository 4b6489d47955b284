import { describe, expect, test } from "bun:test";
import { Alarm } from "../../../lib/time/alarm.ts";
import type { Clock } from "../../../lib/time/clock.ts";

/** A clock in the test's hand. */
class HeldClock implements Clock {
  time = 0;
  readonly #timers: { at: number; run: () => void }[] = [];

  now = () => this.time;
  wall = () => this.time;

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.#timers.push(timer);
    return () => void this.#timers.splice(this.#timers.indexOf(timer), 1);
  }

  defer(run: () => void): void {
    this.after(0, run);
  }

  /** Runs what is due at this moment, what it sets for the same moment included. */
  pass(ms: number): void {
    this.time += ms;
    for (;;) {
      const index = this.#timers.findIndex(({ at }) => at <= this.time);
      if (index < 0) return;
      this.#timers.splice(index, 1)[0]?.run();
    }
  }
}

describe("Alarm", () => {
  const begin = (afterPauseMs?: number) => {
    const clock = new HeldClock();
    const rung: { at: number; wasPaused: boolean }[] = [];
    const ring = (wasPaused: boolean) => void rung.push({ at: clock.time, wasPaused });
    return { clock, rung, alarm: new Alarm(clock, ring, afterPauseMs) };
  };

  test("the alarm rings at the earliest moment it was set to, once", () => {
    const { clock, rung, alarm } = begin();
    alarm.set(500);
    alarm.set(300);
    alarm.set(400);
    clock.pass(299);
    expect(rung).toEqual([]);
    clock.pass(1);
    clock.pass(1_000);
    expect(rung).toEqual([{ at: 300, wasPaused: false }]);
  });

  test("the alarm rings at least once a minute, so that no timer is too long for the runtime", () => {
    const { clock, rung, alarm } = begin();
    alarm.set(10_000_000);
    clock.pass(60_000);
    expect(rung).toEqual([{ at: 60_000, wasPaused: false }]);
  });

  test("the alarm says that the process stood still when it rings over a second late", () => {
    const { clock, rung, alarm } = begin();
    alarm.set(300);
    clock.pass(1_300);
    clock.pass(20);
    alarm.set(1_400);
    clock.pass(1_081);
    clock.pass(20);
    expect(rung).toEqual([
      { at: 1_320, wasPaused: false },
      { at: 2_421, wasPaused: true },
    ]);
  });

  test("alarm: a late alarm waits until received data was read", () => {
    const { clock, rung, alarm } = begin();
    alarm.set(300);
    clock.pass(306);
    clock.pass(19);
    expect(rung).toEqual([]);
    clock.pass(1);
    expect(rung).toEqual([{ at: 326, wasPaused: false }]);
  });

  test("after a pause the alarm rings no sooner than it was told, whatever it is set to", () => {
    const { clock, rung, alarm } = begin(2_000);
    alarm.set(300);
    clock.pass(5_000);
    alarm.set(5_000);
    clock.pass(1_999);
    expect(rung).toEqual([]);
    clock.pass(1);
    expect(rung).toEqual([{ at: 7_000, wasPaused: true }]);
  });

  test("a cancelled alarm does not ring, and can be set again", () => {
    const { clock, rung, alarm } = begin();
    alarm.set(300);
    alarm.cancel();
    clock.pass(1_000);
    expect(rung).toEqual([]);
    alarm.set(1_100);
    clock.pass(100);
    expect(rung).toEqual([{ at: 1_100, wasPaused: false }]);
  });
});
