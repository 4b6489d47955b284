import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { OpenRequest } from "../../../../../lib/control/core/model.ts";
import { PriorityQueue } from "../../../../../lib/control/core/requests/priorityQueue.ts";
import type { Priority } from "../../../../../lib/protocol/api/jobs.ts";

function request(job: number): OpenRequest {
  const jobId = `job-${String(job).padStart(6, "0")}`;
  return { requestId: `r${job}`, jobId, agentId: "a", state: "queued" };
}

function drained(line: PriorityQueue): string[] {
  const order: string[] = [];
  for (let next = line.first(); next !== undefined; next = line.first()) {
    order.push(next.requestId);
    line.delete(next);
  }
  return order;
}

describe("what waits for one agent", () => {
  test("goes by priority, and among equals in the order of the jobs", () => {
    const line = new PriorityQueue();
    const wanted: [number, Priority][] = [
      ...([
        [1, "low"],
        [2, "normal"],
        [3, "high"],
        [4, "normal"],
        [5, "high"],
        [6, "low"],
      ] as const),
    ].map(([job, priority]) => [job, priority]);
    for (const [job, priority] of wanted) line.add(request(job), priority);
    expect(line.size).toBe(6);
    expect(drained(line)).toEqual(["r3", "r5", "r2", "r4", "r1", "r6"]);
    expect(line.size).toBe(0);
  });

  test("keeps the jobs' order, whenever each was let in and whatever left meanwhile", () => {
    const moves = fc.array(fc.tuple(fc.boolean(), fc.nat(30)), { maxLength: 60 });
    fc.assert(
      fc.property(moves, (all) => {
        const line = new PriorityQueue();
        const known = new Map<number, OpenRequest>();
        for (const [isIn, job] of all) {
          const here = known.get(job);
          if (isIn && here === undefined) {
            const made = request(job);
            known.set(job, made);
            line.add(made, "normal");
          } else if (!isIn && here !== undefined) {
            expect(line.delete(here)).toBe(true);
            known.delete(job);
          }
        }
        const expected = [...known.keys()].sort((a, b) => a - b).map((job) => `r${job}`);
        expect(drained(line)).toEqual(expected);
      }),
    );
  });
});
