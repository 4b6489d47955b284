/**
 * What becomes of a request that was sent to a peer of the standard alone: it is never repeated.
 */
import { describe, expect, test } from "bun:test";
import { answerGraceMs } from "../../../../lib/protocol/limits.ts";
import { CoreInHand, commandsIn, outcomesIn } from "../../../support/harness/controlCore.ts";

const timeoutMs = 30_000;
const due = timeoutMs + answerGraceMs;

describe("a peer of the standard alone that was sent a command and left", () => {
  test("has its command's own time, and not the TTL", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a", { isExtended: false });
    const [requestId = ""] = hand.submit(["a"], { timeoutMs, ttlMs: 3_600_000 }).requestIds;
    hand.step({ type: "connectionClosed", sessionId });
    expect(outcomesIn(hand.pass(due - 1))).toEqual({});
    expect(outcomesIn(hand.pass(1))).toEqual({ [requestId]: "lost DISCONNECTED" });
  });

  test("does not put the end off by coming and going", () => {
    const hand = new CoreInHand();
    let { sessionId } = hand.connect("a", { isExtended: false });
    const [requestId = ""] = hand.submit(["a"], { timeoutMs }).requestIds;
    const outcomes = {};
    for (let passed = 0; passed < due; passed += 2_000) {
      hand.step({ type: "connectionClosed", sessionId });
      const back = hand.connect("a", { isExtended: false });
      expect(commandsIn(back.step)).toEqual([]);
      sessionId = back.sessionId;
      Object.assign(outcomes, outcomesIn(hand.pass(2_000)));
    }
    expect(outcomes).toEqual({ [requestId]: "lost TIMEOUT" });
  });

  test("may still answer on another connection", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a", { isExtended: false });
    const [requestId = ""] = hand.submit(["a"], { timeoutMs }).requestIds;
    hand.step({ type: "connectionClosed", sessionId });
    hand.pass(timeoutMs);
    const back = hand.connect("a", { isExtended: false });
    expect(outcomesIn(hand.success(back.sessionId, requestId))).toEqual({ [requestId]: "success" });
  });
});

test("standard peer: an invalid response is reported in the outcome if no valid one follows", () => {
  const hand = new CoreInHand();
  const { sessionId } = hand.connect("a", { isExtended: false });
  const [first = "", second = ""] = [hand.submit(["a"]), hand.submit(["a"])].map(
    ({ requestIds }) => requestIds[0],
  );
  const broken = (requestId: string) => {
    const message = { type: "response", request_id: requestId, payload: { status: "maybe" } };
    hand.step({ type: "messageReceived", sessionId, frame: JSON.stringify(message) });
  };
  broken(first);
  broken(second);
  expect(outcomesIn(hand.success(sessionId, second))).toEqual({ [second]: "success" });
  const step = hand.pass(due);
  expect(outcomesIn(step)).toEqual({ [first]: "lost MALFORMED" });
  expect(JSON.stringify(step.writes)).toContain("Invalid response from the agent");
});
