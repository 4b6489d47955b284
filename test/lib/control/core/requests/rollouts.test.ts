import { describe, expect, test } from "bun:test";
import type { Job, OpenRequest, RequestProgress } from "../../../../../lib/control/core/model.ts";
import { clampToNow } from "../../../../../lib/control/core/requests/expiry.ts";
import { Rollouts } from "../../../../../lib/control/core/requests/rollouts.ts";

const ids = (requests: OpenRequest[]) => requests.map(({ requestId }) => requestId);

function queued(count: number): OpenRequest[] {
  return Array.from({ length: count }, (_, index) => {
    return { requestId: `r${index}`, jobId: "j", agentId: `a${index}`, state: "queued" };
  });
}

function jobWith(more: Partial<Job>): Job {
  const times = { timeoutMs: 1_000, ttlMs: 1_000, createdAt: 0, createdBy: "t" };
  return { jobId: "j", command: "work", target: { all: true }, ...times, ...more };
}

/** A rollout with so many requests, as it is at its beginning. */
function begun(more: Partial<Job>, count: number) {
  const rollouts = new Rollouts();
  const job = jobWith(more);
  const open = queued(count);
  return { rollouts, job, open, first: ids(rollouts.add(job, open, 0)) };
}

describe("a rollout", () => {
  test("rollout: starts up to a batch of requests in order, and the next one when one has ended", () => {
    const { rollouts, first } = begun({ batch: 2 }, 4);
    expect(first).toEqual(["r0", "r1"]);
    expect(ids(rollouts.ended("j", "r1", "success", 1).started)).toEqual(["r2"]);
    expect(ids(rollouts.ended("j", "r0", "failed", 1).started)).toEqual(["r3"]);
    expect(rollouts.ended("j", "r2", "success", 1).started).toEqual([]);
  });

  test("rollout: a job without rollout options starts all its requests", () => {
    const { rollouts, first } = begun({}, 3);
    expect(first).toHaveLength(3);
    expect(rollouts.ended("j", "r0", "lost", 1)).toEqual({ started: [] });
  });

  test("rollout: stops once, when failures exceed the maximum", () => {
    const { rollouts } = begun({ batch: 1, maxFailures: 1 }, 4);
    expect(rollouts.ended("j", "r0", "error", 1).stop).toBeUndefined();
    expect(rollouts.ended("j", "r1", "lost", 1)).toEqual({ started: [], stop: "2 failures" });
    expect(rollouts.ended("j", "r2", "cancelled", 1)).toEqual({ started: [] });
  });

  test("in waves begins the next when the whole of one has ended, and after the pause", () => {
    const { rollouts, first } = begun({ batch: 2, waves: true, batchPauseMs: 500 }, 5);
    expect(first).toEqual(["r0", "r1"]);
    expect(rollouts.ended("j", "r1", "success", 100).started).toEqual([]);
    expect(rollouts.ended("j", "r0", "failed", 200).started).toEqual([]);
    expect(rollouts.next()).toBe(700);
    expect(rollouts.due(699)).toEqual([]);
    expect(ids(rollouts.due(700))).toEqual(["r2", "r3"]);
    rollouts.ended("j", "r2", "success", 800);
    rollouts.ended("j", "r3", "success", 900);
    expect(ids(rollouts.due(1_400))).toEqual(["r4"]);
  });

  test("lets canaries go first, waits, and then lets go what the batch allows", () => {
    const { rollouts, first } = begun({ canary: 2, canaryPauseMs: 300, batch: 3 }, 6);
    expect(first).toEqual(["r0", "r1"]);
    rollouts.ended("j", "r0", "success", 10);
    expect(rollouts.ended("j", "r1", "success", 20).started).toEqual([]);
    expect(rollouts.due(319)).toEqual([]);
    expect(ids(rollouts.due(320))).toEqual(["r2", "r3", "r4"]);
    expect(ids(rollouts.ended("j", "r3", "failed", 400).started)).toEqual(["r5"]);
  });

  test.each(["failed", "error", "expired", "lost", "cancelled"] as const)(
    "stops with a canary that ends as %s, however many failures are allowed",
    (outcome) => {
      const { rollouts } = begun({ canary: 2, maxFailures: 10 }, 6);
      const told = rollouts.ended("j", "r1", outcome, 1);
      expect(told).toEqual({ started: [], stop: "a failed canary" });
      expect(rollouts.ended("j", "r0", "success", 2)).toEqual({ started: [] });
    },
  );

  test("rollout: starts no request while it is paused, and continues in order", () => {
    const { rollouts, job, open } = begun({ batch: 2 }, 5);
    job.pausedAt = 5;
    const [sent] = open;
    if (sent !== undefined) sent.state = "sent";
    rollouts.requeue(job, open);
    expect(open.filter((each) => rollouts.holds(each))).toHaveLength(4);
    expect(rollouts.ended("j", "r0", "success", 6).started).toEqual([]);
    delete job.pausedAt;
    const again = rollouts.released("j", 7);
    expect(ids(again)).toEqual(["r1", "r2"]);
    expect(again.map(({ batchAt }) => batchAt)).toEqual([7, 7]);
  });

  test("rollout: starts no request before it is approved", () => {
    const { rollouts, job, first } = begun({ needsApproval: true }, 2);
    expect(first).toEqual([]);
    job.approvedBy = "second";
    expect(ids(rollouts.released("j", 9))).toEqual(["r0", "r1"]);
  });
});

describe("after a restart", () => {
  /** r0 has ended, r1 was sent, r2 had its turn and its agent was away, the rest wait. */
  function restored(more: Partial<Job>, now = 1_000) {
    const rollouts = new Rollouts();
    const all = queued(6).map(({ requestId }, index): RequestProgress => {
      return index === 0 ? { requestId, outcome: "failed", endedAt: 50 } : { requestId };
    });
    const open = queued(6)
      .slice(1)
      .map((each, index): OpenRequest => {
        if (index === 0) return { ...each, state: "sent", batchAt: 0 };
        return index === 1 ? { ...each, batchAt: 20 } : each;
      });
    return {
      rollouts,
      turned: ids(rollouts.restore(jobWith(more), all, open, { now, backBy: now + 60_000 })),
    };
  }

  test("rollout: after a restart it continues at the same place", () => {
    const { rollouts, turned } = restored({ batch: 3, maxFailures: 1 });
    expect(turned).toEqual(["r1", "r2"]);
    expect(ids(rollouts.due(1_000))).toEqual(["r3"]);
    expect(rollouts.ended("j", "r1", "lost", 1_001)).toEqual({ started: [], stop: "2 failures" });
  });

  test("rollout: does not treat agents as offline before all could reconnect", () => {
    const { rollouts, turned } = restored({ batch: 3, requireOnline: true });
    expect(turned).toEqual(["r1", "r2"]);
    expect(rollouts.due(1_000)).toEqual([]);
    expect(ids(rollouts.due(1_000 + 60_000))).toEqual(["r3"]);
  });

  test("a wave waits as long after its last end as it would have", () => {
    const { rollouts } = restored({ batch: 1, canary: 1, canaryPauseMs: 5_000 });
    // r0 was the canary and failed: nothing more goes out, whoever restarts.
    expect(rollouts.due(10_000)).toEqual([]);
  });

  test("rollout: a clock that was set back does not extend a pause", () => {
    const job = { ...jobWith({ canary: 1, canaryPauseMs: 5_000 }), createdAt: 90_000 };
    const open: OpenRequest[] = [{ requestId: "r1", jobId: "j", agentId: "a1", state: "queued" }];
    const all: RequestProgress[] = [
      { requestId: "r0", outcome: "success", endedAt: 95_000 },
      { requestId: "r1" },
    ];
    const now = 20_000;
    const { jobs, requests } = clampToNow({ jobs: [{ ...job, all }], requests: open }, now);
    const rollouts = new Rollouts();
    rollouts.restore(job, jobs[0]?.all ?? [], requests, { now, backBy: now });
    expect(rollouts.next()).toBe(now + 5_000);
  });

  test("rollout: after a restart a paused job stays paused", () => {
    const { rollouts, turned } = restored({ batch: 3, pausedAt: 60 });
    expect(turned).toEqual(["r1"]);
    expect(rollouts.due(1_000)).toEqual([]);
  });
});
