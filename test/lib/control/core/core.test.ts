import { describe, expect, test } from "bun:test";
import {
  answerGraceMs,
  inflightPerAgentMax,
  openPerAgentMax,
  recoveryGraceMs,
} from "../../../../lib/protocol/limits.ts";
import { CoreInHand, commandsIn, epoch, outcomesIn } from "../../../support/harness/controlCore.ts";

describe("submit", () => {
  test('core: writes job and "sent" in one write before the command is sent', () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const { requestIds, step } = hand.submit(["a"]);
    expect(commandsIn(step)).toEqual([{ sessionId, requestId: requestIds[0] ?? "" }]);
    expect(step.writes).toHaveLength(1);
    expect(step.writes[0]).toMatchObject({
      type: "putJob",
      requests: [{ state: "sent", sentAt: epoch }],
    });
    expect(step.effects.at(-1)).toMatchObject({ type: "acceptJob" });
  });

  test("core: queues a request for an offline agent and sends it after the reconnect", () => {
    const hand = new CoreInHand(undefined, ["a"]);
    const { requestIds, step } = hand.submit(["a"]);
    expect(step.writes[0]).toMatchObject({ requests: [{ state: "queued" }] });
    hand.pass(60_000);
    const { step: back } = hand.connect("a");
    expect(commandsIn(back).map(({ requestId }) => requestId)).toEqual(requestIds);
    expect(back.writes).toContainEqual(expect.objectContaining({ type: "markSent" }));
  });

  test("core: sends an agent's requests in order, and at most the in-flight limit", () => {
    const hand = new CoreInHand(undefined, ["a"]);
    const ids = Array.from(
      { length: inflightPerAgentMax + 3 },
      () => hand.submit(["a"]).requestIds[0],
    );
    const { sessionId, step } = hand.connect("a");
    const sent = commandsIn(step).map(({ requestId }) => requestId);
    expect(sent).toEqual(ids.slice(0, inflightPerAgentMax) as string[]);
    const next = hand.success(sessionId, ids[5] ?? "");
    expect(commandsIn(next).map(({ requestId }) => requestId)).toEqual([
      ids[inflightPerAgentMax] ?? "",
    ]);
  });

  test("core: rejects the whole job if the queue of one agent is full", () => {
    const hand = new CoreInHand(undefined, ["a", "b"]);
    for (let count = 0; count < openPerAgentMax; count++) hand.submit(["a"]);
    const { step } = hand.submit(["b", "a"]);
    expect(step.writes).toEqual([]);
    expect(step.effects).toMatchObject([{ type: "rejectJob", error: { code: "BUSY" } }]);
  });

  test("core: only wsctl.v1 peers get timeout and expiry in the command", () => {
    const hand = new CoreInHand();
    hand.connect("a");
    hand.connect("b", { isExtended: false });
    const sends = hand.submit(["a", "b"]).step.effects.filter((effect) => effect.type === "send");
    expect(sends.map((effect) => Object.keys(effect.message.payload))).toEqual([
      ["command", "timeout_seconds", "expires_at"],
      ["command"],
    ]);
  });
});

describe("an outcome", () => {
  test("is what the agent answers, and is acknowledged to a peer of wsctl.v1", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    const step = hand.success(sessionId, requestId);
    expect(outcomesIn(step)).toEqual({ [requestId]: "success" });
    const ack = { type: "ack", request_id: requestId, payload: {} } as const;
    expect(step.effects).toContainEqual({ type: "send", sessionId, message: ack });
  });

  test.each([
    ["INVALID_COMMAND", true, "error INVALID_COMMAND"],
    ["SOMETHING_ELSE", false, "error SOMETHING_ELSE"],
    ["INTERRUPTED", true, "lost INTERRUPTED"],
    ["EXPIRED", true, "expired EXPIRED"],
    ["EXPIRED", false, "error EXPIRED"],
  ])("of an error %s (v1: %p) is %s", (code, isExtended, expected) => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a", { isExtended });
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    const payload = { code, message: "so it is" };
    const step = hand.receive(sessionId, { type: "error", request_id: requestId, payload });
    expect(outcomesIn(step)).toEqual({ [requestId]: expected });
  });

  test("never changes: a second answer is looked up and acknowledged", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    hand.success(sessionId, requestId);
    const again = hand.success(sessionId, requestId, "other");
    expect(again.writes).toEqual([]);
    const [recall] = again.effects;
    if (recall?.type !== "lookUpRequest") throw new Error("not recalled");
    const told = hand.step({ ...recall, type: "requestLookedUp", agentId: "a" });
    expect(told.effects).toMatchObject([{ message: { type: "ack", request_id: requestId } }]);
  });

  test("core: a response from another agent is rejected", () => {
    const hand = new CoreInHand();
    hand.connect("a");
    const other = hand.connect("b");
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    const step = hand.success(other.sessionId, requestId);
    expect(step.writes).toEqual([]);
    expect(step.effects).toContainEqual(
      expect.objectContaining({ message: expect.objectContaining({ type: "error" }) }),
    );
  });

  test("core: a response to an unknown request is rejected with UNKNOWN_REQUEST", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [recall] = hand.success(sessionId, "made-up").effects;
    if (recall?.type !== "lookUpRequest") throw new Error("not recalled");
    const told = hand.step({ ...recall, type: "requestLookedUp" });
    expect(told.effects).toMatchObject([{ message: { payload: { code: "UNKNOWN_REQUEST" } } }]);
  });

  test("core: only a request that was never sent expires", () => {
    const hand = new CoreInHand(undefined, ["a"]);
    const { requestIds } = hand.submit(["a"], { ttlMs: 5_000 });
    expect(outcomesIn(hand.pass(4_999))).toEqual({});
    expect(outcomesIn(hand.pass(1))).toEqual({ [requestIds[0] ?? ""]: "expired EXPIRED" });
  });

  test("is cancelled only for what was never sent", () => {
    const hand = new CoreInHand(undefined, ["b"]);
    const { sessionId } = hand.connect("a");
    const { requestIds, step } = hand.submit(["a", "b"]);
    const [job] = step.writes;
    if (job?.type !== "putJob") throw new Error("no job");
    const cancelled = hand.step({ type: "cancelRequested", jobId: job.job.jobId });
    expect(outcomesIn(cancelled)).toEqual({ [requestIds[1] ?? ""]: "cancelled CANCELLED" });
    const answered = hand.success(sessionId, requestIds[0] ?? "");
    expect(outcomesIn(answered)).toEqual({ [requestIds[0] ?? ""]: "success" });
  });

  test("is lost when a connected agent does not answer in time", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const { requestIds } = hand.submit(["a"], { timeoutMs: 5_000, ttlMs: 1_000 });
    const end = 5_000 + answerGraceMs;
    expect(outcomesIn(hand.pass(end - 1))).toEqual({});
    hand.receive(sessionId, { type: "heartbeat", payload: {} });
    expect(outcomesIn(hand.pass(1))).toEqual({ [requestIds[0] ?? ""]: "lost TIMEOUT" });
  });

  test("is lost when the agent never comes back, after TTL and timeout", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const { requestIds } = hand.submit(["a"], { timeoutMs: 5_000, ttlMs: 100_000 });
    hand.step({ type: "connectionClosed", sessionId });
    expect(outcomesIn(hand.pass(100_000))).toEqual({});
    const after = hand.pass(answerGraceMs);
    expect(outcomesIn(after)).toEqual({ [requestIds[0] ?? ""]: "lost DISCONNECTED" });
  });
});

describe("redelivery", () => {
  test("goes only to the journal that the command was sent to before", () => {
    const hand = new CoreInHand();
    const first = hand.connect("a", { journal: "one" });
    const { requestIds } = hand.submit(["a"]);
    hand.step({ type: "connectionClosed", sessionId: first.sessionId });
    const back = hand.connect("a", { journal: "one" });
    expect(commandsIn(back.step).map(({ requestId }) => requestId)).toEqual(requestIds);
    hand.step({ type: "connectionClosed", sessionId: back.sessionId });
    expect(commandsIn(hand.connect("a", { journal: "two" }).step)).toEqual([]);
  });

  test("core: a command is not sent again to an agent with a copied journal", () => {
    const hand = new CoreInHand();
    hand.connect("a", { journal: "original" });
    hand.journals.set("copy", hand.journals.get("original") ?? { journal_id: "", epoch: 0 });
    hand.connect("a", { journal: "original" });
    hand.submit(["a"]);
    expect(commandsIn(hand.connect("a", { journal: "copy" }).step)).toEqual([]);
  });

  test("core: a command is sent again to the same process on a new connection, but not to a duplicate", () => {
    const hand = new CoreInHand();
    hand.connect("a", { instance: "one" });
    const { requestIds } = hand.submit(["a"]);
    const again = hand.connect("a", { instance: "one" });
    expect(commandsIn(again.step).map(({ requestId }) => requestId)).toEqual(requestIds);
    expect(commandsIn(hand.connect("a", { instance: "two" }).step)).toEqual([]);
  });

  test("never goes to a peer of the standard alone", () => {
    const hand = new CoreInHand();
    const first = hand.connect("a", { isExtended: false });
    const { requestIds } = hand.submit(["a"]);
    hand.step({ type: "connectionClosed", sessionId: first.sessionId });
    const back = hand.connect("a", { isExtended: false });
    expect(commandsIn(back.step)).toEqual([]);
    expect(outcomesIn(hand.success(back.sessionId, requestIds[0] ?? ""))).toEqual({
      [requestIds[0] ?? ""]: "success",
    });
  });

  test("core: reconnecting does not extend the deadline of a sent request", () => {
    const hand = new CoreInHand();
    hand.connect("a");
    const { requestIds } = hand.submit(["a"], { timeoutMs: 5_000, ttlMs: 10_000 });
    const ended: Record<string, string> = {};
    for (let flap = 0; flap < 20; flap++) {
      const { step } = hand.connect("a");
      Object.assign(ended, outcomesIn(step), outcomesIn(hand.pass(4_000)));
    }
    expect(ended).toEqual({ [requestIds[0] ?? ""]: "lost TIMEOUT" });
  });
});

describe("after a restart", () => {
  const job = {
    jobId: "j",
    command: "ping",
    target: { agents: ["a"] },
    timeoutMs: 1_000,
    ttlMs: 1_000,
    createdAt: epoch - 3_600_000,
    createdBy: "operator",
  };
  const request = { requestId: "r", jobId: "j", agentId: "a" };

  test("what was never sent and is past its TTL expires at once", () => {
    const hand = new CoreInHand({ jobs: [job], requests: [{ ...request, state: "queued" }] }, [
      "a",
    ]);
    expect(outcomesIn(hand.pass(0))).toEqual({ r: "expired EXPIRED" });
  });

  test("an agent that holds an answer is given time to return", () => {
    const sent = { ...request, state: "sent", sentAt: job.createdAt, journalId: "one" } as const;
    const hand = new CoreInHand({ jobs: [job], requests: [sent] }, ["a"]);
    expect(outcomesIn(hand.pass(recoveryGraceMs - 1))).toEqual({});
    const { sessionId } = hand.connect("a");
    expect(outcomesIn(hand.success(sessionId, "r"))).toEqual({ r: "success" });
  });
});
