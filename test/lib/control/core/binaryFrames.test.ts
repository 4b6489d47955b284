/** Binary frames of agents: chunks of live output, and what is none. */
import { describe, expect, test } from "bun:test";
import { encodeOutputFrame } from "../../../../lib/protocol/wire/outputFrame.ts";
import { CoreInHand } from "../../../support/harness/controlCore.ts";

function chunkOf(requestId: string, subscriptionId: number) {
  const bytes = Buffer.from("x");
  const about = { requestId, subscriptionId, sequence: 1, skipped: 0, bytes };
  return encodeOutputFrame({ ...about, stream: "stdout" });
}

describe("a binary frame", () => {
  test("is passed to the subscriber that asked for it, and to no other", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    const asked = { subscriptionId: 5, requestId, agentId: "a", after: 0 };
    const subscription = { ...asked, bytes: 1_000, bytesLeft: 1_000 };
    hand.step({ type: "outputSubscribed", subscription });
    const frame = chunkOf(requestId, 5);
    const foreign = hand.step({
      ...{ type: "messageReceived", sessionId },
      frame: chunkOf(requestId, 6),
    });
    expect(foreign.effects).toEqual([]);
    const { effects } = hand.step({ type: "messageReceived", sessionId, frame });
    expect(effects).toMatchObject([
      { type: "forwardOutput", piece: { subscription_id: 5, sequence: 1, stream: "stdout" } },
    ]);
    expect(hand.step({ type: "messageReceived", sessionId, frame }).effects).toEqual([]);
  });

  test("that is no chunk is answered with what is wrong, and ends the connection with 1003", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const frame = new Uint8Array([9, 9]);
    const { effects } = hand.step({ type: "messageReceived", sessionId, frame });
    const payload = { code: "MALFORMED", message: "binary kind must be 1" };
    expect(effects[0]).toMatchObject({
      ...{ type: "send", sessionId },
      message: { type: "error", request_id: "unknown", payload },
    });
    expect(effects.at(-1)).toMatchObject({ type: "close", sessionId, name: "binaryFrame" });
    expect(hand.step({ type: "messageReceived", sessionId, frame }).effects).toEqual([]);
  });
});
