/**
 * Whatever the timing: with `max_failures` k and a window of w there are never more than k + w
 * failures, and nothing is sent for the first time after the stop. The core runs on a simulated
 * disk, so that it may be killed and restored at any moment.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ControlChanges } from "../../../../../lib/control/core/transition.ts";
import { ControlDisk } from "../../../../sim/disks.ts";
import { CoreInHand, commandsIn } from "../../../../support/harness/controlCore.ts";

const agents = Array.from({ length: 12 }, (_, index) => `a${String(index).padStart(2, "0")}`);

type Move =
  | { type: "answer"; pick: number; isGood: boolean }
  | { type: "pass"; ms: number }
  | { type: "leave"; pick: number }
  | { type: "return"; pick: number }
  | { type: "restart" }
  | { type: "pause" }
  | { type: "resume" };

const pick = fc.nat(11);
const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant("answer" as const), pick, isGood: fc.boolean() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("pass" as const),
        ms: fc.integer({ min: 1, max: 120_000 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constantFrom("leave" as const, "return" as const), pick }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constantFrom("restart" as const, "pause" as const, "resume" as const),
      }),
    },
  ),
  { maxLength: 80 },
);
const shape = fc.record({
  batch: fc.integer({ min: 1, max: 5 }),
  maxFailures: fc.nat(4),
  waves: fc.boolean(),
  canary: fc.nat(3),
  requireOnline: fc.boolean(),
});

interface Shape {
  batch: number;
  maxFailures: number;
  waves: boolean;
  canary: number;
  requireOnline: boolean;
}

/** One job on one control plane that may die, and what is seen of it. */
class Rollout {
  readonly disk = new ControlDisk();
  readonly #sent = new Set<string>();
  readonly #sessions = new Map<string, number>();
  #hand: CoreInHand;
  #jobId = "";
  isStopped = false;
  sentAfterStop = 0;
  pausedNow = false;
  sentWhilePaused = 0;
  mostUnderWay = 0;

  readonly job: Shape;

  constructor(job: Shape) {
    this.job = job;
    this.#hand = new CoreInHand(undefined, agents);
    for (const agent of agents) this.#connect(agent);
    const { canary, ...more } = job;
    const { step } = this.#hand.submit(agents, { ...more, ...(canary > 0 ? { canary } : {}) });
    for (const write of step.writes) if (write.type === "putJob") this.#jobId = write.job.jobId;
    this.#take(step);
  }

  get failures(): number {
    return this.#rows.filter(({ outcome }) => {
      return outcome !== undefined && !["success", "cancelled"].includes(outcome.outcome);
    }).length;
  }

  get #rows() {
    return [...this.disk.rows.values()];
  }

  do(move: Move): void {
    if (move.type === "pass") return this.#take(this.#hand.pass(move.ms));
    if (move.type === "restart") return this.#restart();
    if (move.type === "pause" || move.type === "resume") {
      if (move.type === "resume") this.pausedNow = false;
      this.#take(this.#hand.step({ type: `${move.type}Requested`, jobId: this.#jobId }));
      if (move.type === "pause") this.pausedNow = true;
      return;
    }
    const agent = agents[move.pick] ?? "";
    if (move.type === "return") return this.#connect(agent);
    const sessionId = this.#sessions.get(agent);
    if (sessionId === undefined) return;
    if (move.type === "leave") {
      this.#sessions.delete(agent);
      return this.#take(this.#hand.step({ type: "connectionClosed", sessionId }));
    }
    const row = this.#rows.find(({ request, outcome }) => {
      return request.agentId === agent && request.state === "sent" && outcome === undefined;
    });
    if (row === undefined) return;
    const payload = { status: move.isGood ? "success" : "failed" } as const;
    const request_id = row.request.requestId;
    this.#take(this.#hand.receive(sessionId, { type: "response", request_id, payload }));
  }

  #connect(agent: string): void {
    if (this.#sessions.has(agent)) return;
    const { sessionId, step } = this.#hand.connect(agent);
    this.#sessions.set(agent, sessionId);
    this.#take(step);
  }

  #restart(): void {
    const { now, journals } = this.#hand;
    this.#sessions.clear();
    this.#hand = new CoreInHand(this.disk.journal().open(), agents);
    this.#hand.now = now;
    for (const [name, memory] of journals) this.#hand.journals.set(name, memory);
  }

  #take(t: ControlChanges): void {
    this.disk.journal().commitNow(t.writes);
    for (const { requestId } of commandsIn(t)) {
      if (this.#sent.has(requestId)) continue;
      this.#sent.add(requestId);
      if (this.isStopped) this.sentAfterStop++;
      if (this.pausedNow) this.sentWhilePaused++;
    }
    this.isStopped ||= this.failures > this.job.maxFailures;
    const underWay = this.#rows.filter(({ request, outcome }) => {
      return request.state === "sent" && outcome === undefined;
    });
    this.mostUnderWay = Math.max(this.mostUnderWay, underWay.length);
  }
}

test("a rollout never fails more often than it may, nor starts anything after it has stopped", () => {
  fc.assert(
    fc.property(shape, moves, (job, all) => {
      const rollout = new Rollout(job);
      for (const move of all) {
        rollout.do(move);
        expect(rollout.failures).toBeLessThanOrEqual(job.maxFailures + job.batch);
      }
      expect(rollout.sentAfterStop).toBe(0);
      expect(rollout.sentWhilePaused).toBe(0);
      expect(rollout.mostUnderWay).toBeLessThanOrEqual(job.batch);
    }),
    { numRuns: 3_000 },
  );
});
