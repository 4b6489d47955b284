import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { DeadlineQueue } from "../../../lib/time/deadlineQueue.ts";

/** What a `DeadlineQueue` should do, at the cost of a walk over all of it. */
class Model {
  readonly due = new Map<number, number>();

  earliest(): number | undefined {
    return this.due.size === 0 ? undefined : Math.min(...this.due.values());
  }
}

type Step =
  | { do: "set"; key: number; at: number }
  | { do: "delete"; key: number }
  | { do: "popDue"; now: number };

const key = fc.nat(6);
const time = fc.integer({ min: -3, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("set"), key, at: time }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete"), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("popDue"), now: time }) },
) as fc.Arbitrary<Step>;

function apply(real: DeadlineQueue<number>, model: Model, made: Step): void {
  if (made.do === "set") {
    real.set(made.key, made.at);
    model.due.set(made.key, made.at);
  } else if (made.do === "delete") {
    real.delete(made.key);
    model.due.delete(made.key);
  } else {
    const earliest = model.earliest();
    const popped = real.popDue(made.now);
    if (earliest === undefined || earliest > made.now) {
      expect(popped).toBeUndefined();
    } else {
      expect(model.due.get(popped ?? Number.NaN)).toBe(earliest);
      model.due.delete(popped ?? Number.NaN);
    }
  }
}

describe("Deadlines", () => {
  test("does what a plain map would, whatever is set, moved, deleted and taken", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
        const real = new DeadlineQueue<number>();
        const model = new Model();
        for (const made of steps) {
          apply(real, model, made);
          expect(real.size).toBe(model.due.size);
          expect(real.next()).toBe(model.earliest());
        }
        for (let each = 0; each <= 6; each++) expect(real.get(each)).toBe(model.due.get(each));
        const order: number[] = [];
        const wanted = [...model.due.values()].sort((a, b) => a - b);
        for (;;) {
          const next = real.next();
          if (real.popDue(Number.POSITIVE_INFINITY) === undefined) break;
          order.push(next ?? Number.NaN);
        }
        expect(order).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });

  test("keeps the order when moved deadlines have piled up behind one that stays", () => {
    const move = fc.record({ key: fc.nat(9), at: fc.integer({ min: 1, max: 1_000 }) });
    fc.assert(
      fc.property(fc.array(move, { minLength: 150, maxLength: 400, size: "max" }), (moves) => {
        const deadlines = new DeadlineQueue<number>();
        const model = new Map<number, number>([[-1, 0]]);
        deadlines.set(-1, 0);
        for (const { key, at } of moves) {
          deadlines.set(key, at);
          model.set(key, at);
        }
        const order: number[] = [];
        for (let key = deadlines.popDue(1e9); key !== undefined; key = deadlines.popDue(1e9)) {
          order.push(model.get(key) ?? Number.NaN);
        }
        expect(order).toEqual([...model.values()].sort((a, b) => a - b));
      }),
    );
  });

  test("popDue() hands out many in the order of their times", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { maxLength: 200 }), (times) => {
        const deadlines = new DeadlineQueue<number>();
        for (const [index, at] of times.entries()) deadlines.set(index, at);
        const popped: number[] = [];
        for (;;) {
          const index = deadlines.popDue(Number.MAX_SAFE_INTEGER);
          if (index === undefined) break;
          popped.push(times[index] ?? Number.NaN);
        }
        expect(popped).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  test("popDue() takes a deadline at its very moment, not before", () => {
    const deadlines = new DeadlineQueue<string>();
    deadlines.set("a", 10);
    expect(deadlines.popDue(9.999)).toBeUndefined();
    expect(deadlines.popDue(10)).toBe("a");
    expect(deadlines.popDue(10)).toBeUndefined();
    expect(deadlines.size).toBe(0);
  });

  test("set() moves a deadline both ways and back", () => {
    const deadlines = new DeadlineQueue<string>();
    deadlines.set("a", 10);
    deadlines.set("a", 20);
    expect(deadlines.next()).toBe(20);
    deadlines.set("a", 10);
    expect(deadlines.next()).toBe(10);
    expect(deadlines.popDue(30)).toBe("a");
    expect(deadlines.popDue(30)).toBeUndefined();
    expect(deadlines.next()).toBeUndefined();
  });

  test("a deleted deadline never comes, and its key may be set anew", () => {
    const deadlines = new DeadlineQueue<string>();
    deadlines.set("a", 1);
    deadlines.set("b", 2);
    deadlines.delete("a");
    deadlines.delete("never set");
    expect(deadlines.get("a")).toBeUndefined();
    deadlines.set("a", 3);
    expect([deadlines.popDue(9), deadlines.popDue(9), deadlines.popDue(9)]).toEqual([
      "b",
      "a",
      undefined,
    ]);
  });

  test("forgets moved entries: a key that moves on for long leaves one deadline", () => {
    const deadlines = new DeadlineQueue<string>();
    deadlines.set("steady", 500);
    for (let at = 0; at < 10_000; at++) deadlines.set("moving", at);
    expect(deadlines.size).toBe(2);
    expect(deadlines.next()).toBe(500);
    expect(deadlines.popDue(9_998)).toBe("steady");
    expect(deadlines.popDue(9_998)).toBeUndefined();
    expect(deadlines.popDue(9_999)).toBe("moving");
  });
});
