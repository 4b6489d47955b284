import { describe, expect, test } from "bun:test";
import { answerGraceMs, messagesBurstMax } from "../../../../lib/protocol/limits.ts";
import { Timeline } from "../../../../lib/time/timeline.ts";
import { CoreInHand, commandsIn, outcomesIn } from "../../../support/harness/controlCore.ts";

const hourMs = 3_600_000;
const steps = [hourMs, -hourMs, 3650 * 24 * hourMs, -3650 * 24 * hourMs];

/** Sets the clock of a core, as its engine does. */
function setClock(hand: CoreInHand, byMs: number): void {
  hand.now += byMs;
  hand.step({ type: "clockSet", byMs });
}

describe.each(steps)("a clock that is set by %d ms", (byMs) => {
  test("a queued request keeps the rest of its time to live", () => {
    const hand = new CoreInHand(undefined, ["a"]);
    const [id = ""] = hand.submit(["a"], { ttlMs: 10_000 }).requestIds;
    hand.pass(4_000);
    setClock(hand, byMs);
    expect(outcomesIn(hand.pass(5_999))).toEqual({});
    expect(outcomesIn(hand.pass(1))).toEqual({ [id]: "expired EXPIRED" });
  });

  test("a queued request keeps the rest of its time to live while the journal cannot be written", () => {
    const hand = new CoreInHand(undefined, ["a"]);
    const { step, requestIds } = hand.submit(["a"], { ttlMs: 10_000 });
    const stored = step.writes.flatMap((write) => (write.type === "putJob" ? [write] : []));
    const jobs = stored.map(({ job }) => ({ ...job }));
    const requests = stored.flatMap((write) => write.requests.map((each) => ({ ...each })));
    hand.pass(2_000);
    hand.step({ type: "commitFailed", writes: [] });
    hand.pass(1_000);
    setClock(hand, byMs);
    hand.pass(1_000);
    hand.step({ type: "storageRecovered", open: { jobs, requests } });
    expect(outcomesIn(hand.pass(5_999))).toEqual({});
    expect(outcomesIn(hand.pass(1))).toEqual({ [requestIds[0] ?? ""]: "expired EXPIRED" });
  });

  test("a sent request keeps the rest of its timeout, and its duration does not count the step", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [id = ""] = hand.submit(["a"]).requestIds;
    hand.pass(2_000);
    setClock(hand, byMs);
    expect(outcomesIn(hand.pass(1_000))).toEqual({});
    const { writes } = hand.success(sessionId, id);
    const outcome = writes.flatMap((write) => (write.type === "putOutcome" ? write.outcome : []));
    expect(outcome).toMatchObject([{ endedAt: hand.now, durationMs: 3_000 }]);
  });

  test("a connected agent gets an expiry on the clock that it has measured", () => {
    const hand = new CoreInHand();
    hand.connect("a");
    hand.connect("b");
    const measured = hand.now;
    setClock(hand, byMs);
    hand.connect("b");
    const { effects } = hand.submit(["a", "b"], { ttlMs: 5_000 }).step;
    const expiries = effects.flatMap((effect) => {
      if (effect.type !== "send" || effect.message.type !== "command") return [];
      const { expires_at = "" } = effect.message.payload as { expires_at?: string };
      return [Date.parse(expires_at)];
    });
    expect(expiries).toEqual([measured + 5_000, hand.now + 5_000]);
  });

  test("a request that cannot be sent again is lost as long after its sending as before", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [id = ""] = hand.submit(["a"], { timeoutMs: 30_000 }).requestIds;
    hand.pass(2_000);
    setClock(hand, byMs);
    hand.step({ type: "connectionClosed", sessionId });
    hand.connect("a", { journal: "another" });
    expect(outcomesIn(hand.pass(28_000 + answerGraceMs - 1))).toEqual({});
    expect(outcomesIn(hand.pass(1))).toMatchObject({ [id]: expect.stringMatching(/^lost/) });
  });

  test("a silent agent is disconnected as late as before, and seen in the new time", () => {
    const hand = new CoreInHand();
    hand.connect("a");
    setClock(hand, byMs);
    const record = () => hand.core.registry.agents.get("a")?.record;
    expect(record()).toMatchObject({ connectedAt: hand.now, lastSeenAt: hand.now });
    const seenAt = hand.now;
    const closes = hand.pass(44_999).effects.filter(({ type }) => type === "close");
    expect(closes).toEqual([]);
    hand.pass(60_000);
    expect(hand.core.registry.agents.get("a")?.session).toBeUndefined();
    expect(record()?.lastSeenAt).toBe(seenAt);
  });

  test("an offline agent was seen as long ago as before", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    hand.step({ type: "connectionClosed", sessionId });
    hand.pass(5_000);
    setClock(hand, byMs);
    expect(hand.core.registry.agents.get("a")?.record.lastSeenAt).toBe(hand.now - 5_000);
  });

  test("the limit of messages refills as before", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const beat = () => hand.receive(sessionId, { type: "heartbeat", payload: {} });
    for (let count = 0; count < messagesBurstMax - 10; count++) beat();
    setClock(hand, byMs);
    hand.pass(10_000);
    for (let count = 0; count < 100; count++) beat();
    expect(hand.core.registry.agents.get("a")?.session).toBeDefined();
  });

  test("the pause between two waves is as long as before", () => {
    const hand = new CoreInHand();
    const first = hand.connect("a").sessionId;
    hand.connect("b");
    const waves = { batch: 1, waves: true, batchPauseMs: 20_000 };
    const [one = "", two = ""] = hand.submit(["a", "b"], waves).requestIds;
    hand.success(first, one);
    hand.pass(5_000);
    setClock(hand, byMs);
    expect(commandsIn(hand.pass(14_999))).toEqual([]);
    expect(commandsIn(hand.pass(1)).map(({ requestId }) => requestId)).toEqual([two]);
  });
});

test("signatures end by the clock that was set, whatever the time to live", () => {
  const hand = new CoreInHand(undefined, ["a"]);
  const notAfter = new Date(hand.now + 2 * hourMs).toISOString();
  const [id = ""] = hand.submit(["a"], { ttlMs: 24 * hourMs, notAfter }).requestIds;
  setClock(hand, hourMs);
  expect(outcomesIn(hand.pass(hourMs - 1))).toEqual({});
  expect(outcomesIn(hand.pass(1))).toEqual({ [id]: "expired EXPIRED" });
});

test("a timeline follows a clock that was set once, and tells timers the steady time", () => {
  const times = { steady: 1_000, wall: 5_000 };
  const timeline = new Timeline({ now: () => times.steady, wall: () => times.wall });
  expect(timeline.now()).toBe(5_000);
  times.steady += 100;
  times.wall += 100 + 999;
  expect([timeline.follow(), timeline.now()]).toEqual([0, 5_100]);
  times.wall -= hourMs;
  expect(timeline.follow()).toBe(999 - hourMs);
  expect([timeline.follow(), timeline.now()]).toEqual([0, times.wall]);
  expect(timeline.toSteady(times.wall + 50)).toBe(times.steady + 50);
});
