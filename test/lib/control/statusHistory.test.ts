import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Sample, StatusHistory } from "../../../lib/control/statusHistory.ts";
import { statusHistoryMax } from "../../../lib/protocol/limits.ts";

describe("StatusHistory", () => {
  test("samples() of nothing is nothing", () => {
    expect(new StatusHistory().samples()).toEqual([]);
  });

  test("samples() are the latest, oldest first, exactly as they were added", () => {
    const sample = fc.record({
      at: fc.integer({ min: 0, max: 4e12 }),
      cpuPercent: fc.double({ min: 0, max: 1_000, noNaN: true }).map((percent) => percent + 0),
      memoryBytes: fc.integer({ min: 0, max: 1e15 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 3 * statusHistoryMax, size: "max" }), (added) => {
        const history = new StatusHistory();
        const model: Sample[] = [];
        for (const { at, cpuPercent, memoryBytes } of added) {
          history.add(at, cpuPercent, memoryBytes);
          model.push({ at, cpuPercent, memoryBytes });
          expect(history.samples()).toEqual(model.slice(-statusHistoryMax));
        }
      }),
    );
  });

  test("samples() are copies", () => {
    const history = new StatusHistory();
    history.add(1, 2, 3);
    const [first] = history.samples();
    for (let at = 10; at < 10 + statusHistoryMax; at++) history.add(at, 0, 0);
    expect(first).toEqual({ at: 1, cpuPercent: 2, memoryBytes: 3 });
  });
});
