import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Job, OpenRequest } from "../../../lib/control/records.ts";
import { Rollouts } from "../../../lib/control/rollouts.ts";
import type { OutcomeKind } from "../../../lib/protocol/api.ts";

const ids = (requests: OpenRequest[]) => requests.map(({ requestId }) => requestId);

function queued(count: number): OpenRequest[] {
  return Array.from({ length: count }, (_, index) => {
    return { requestId: `r${index}`, jobId: "j", agentId: `a${index}`, state: "queued" };
  });
}

function jobWith(more: object): Job {
  const times = { timeoutMs: 1_000, ttlMs: 1_000, createdAt: 0, createdBy: "t" };
  return { jobId: "j", command: "work", target: { all: true }, ...times, ...more };
}

describe("a rollout", () => {
  test("lets so many go at a time, in order, the next when one has ended", () => {
    const rollouts = new Rollouts();
    expect(ids(rollouts.add(jobWith({ batch: 2 }), queued(4)))).toEqual(["r0", "r1"]);
    expect(ids(rollouts.ended("j", "r1", "success").go)).toEqual(["r2"]);
    expect(ids(rollouts.ended("j", "r0", "failed").go)).toEqual(["r3"]);
    expect(rollouts.ended("j", "r2", "success").go).toEqual([]);
  });

  test("without limits is none", () => {
    const rollouts = new Rollouts();
    expect(rollouts.add(jobWith({}), queued(3))).toHaveLength(3);
    expect(rollouts.ended("j", "r0", "lost")).toEqual({ go: [], isStopped: false });
  });

  test("stops once, with the first failure too many", () => {
    const rollouts = new Rollouts();
    rollouts.add(jobWith({ batch: 1, maxFailures: 1 }), queued(4));
    expect(rollouts.ended("j", "r0", "error")).toMatchObject({ isStopped: false });
    expect(rollouts.ended("j", "r1", "lost")).toEqual({ go: [], isStopped: true });
    expect(rollouts.ended("j", "r2", "cancelled")).toEqual({ go: [], isStopped: false });
  });

  test("goes on after a restart where it stood", () => {
    const rollouts = new Rollouts();
    const rest = queued(5).slice(1);
    const open = rest.map((each, index) => (index === 1 ? { ...each, state: "sent" } : each));
    const job = { ...jobWith({ batch: 2, maxFailures: 0 }), ended: 1, succeeded: 1 };
    expect(ids(rollouts.add(job, open as OpenRequest[]))).toEqual(["r2", "r1"]);
    expect(rollouts.ended("j", "r2", "failed")).toEqual({ go: [], isStopped: true });
  });

  test("whatever ends when, never has more failures than allowed and under way together", () => {
    const kinds: OutcomeKind[] = ["success", "failed", "error", "lost", "expired"];
    const picks = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...kinds)), { maxLength: 60 });
    fc.assert(
      fc.property(fc.nat(6), fc.integer({ min: 1, max: 5 }), picks, (maxFailures, batch, ends) => {
        const rollouts = new Rollouts();
        const under = ids(rollouts.add(jobWith({ batch, maxFailures }), queued(40)));
        let failures = 0;
        let isStopped = false;
        for (const [pick, outcome] of ends) {
          const [requestId] = under.splice(pick % Math.max(1, under.length), 1);
          if (requestId === undefined) break;
          if (outcome !== "success") failures++;
          const told = rollouts.ended("j", requestId, outcome);
          if (isStopped) expect(told.go).toEqual([]);
          isStopped ||= told.isStopped;
          under.push(...ids(told.go));
          expect(under.length).toBeLessThanOrEqual(batch);
        }
        expect(failures).toBeLessThanOrEqual(maxFailures + batch);
        expect(isStopped).toBe(failures > maxFailures);
      }),
    );
  });
});
