import { describe, expect, test } from "bun:test";
import type { Session } from "../../../../../lib/control/core/agents/session.ts";
import type { OutputSubscription } from "../../../../../lib/control/core/model.ts";
import { OutputSubscriptions } from "../../../../../lib/control/core/requests/outputSubscriptions.ts";
import { ControlTransition } from "../../../../../lib/control/core/transition.ts";
import { outputChunkCostMin } from "../../../../../lib/protocol/limits.ts";
import type { Output } from "../../../../../lib/protocol/wire/outputFrame.ts";

const order: OutputSubscription = {
  ...{ subscriptionId: 1, requestId: "r", agentId: "a", after: 0, bytes: 1_000, bytesLeft: 1_000 },
};
const session = { sessionId: 7, isExtended: true, journalId: "j" } as Session;

function piece(sequence: number, text: string, more: object = {}): Output {
  const payload = { subscription_id: 1, sequence, bytes: Buffer.from(text), ...more };
  return { type: "output", request_id: "r", payload };
}

function asked(
  subscriptions: OutputSubscriptions,
  to: Session | undefined,
  wanted = order,
): ControlTransition["effects"] {
  const t = new ControlTransition(0);
  subscriptions.subscribe(wanted, to, t);
  return t.effects;
}

function left(
  subscriptions: OutputSubscriptions,
  to: Session | undefined,
): ControlTransition["effects"] {
  const t = new ControlTransition(0);
  subscriptions.unsubscribe(1, () => to, t);
  return t.effects;
}

describe("a subscriber", () => {
  test("is made known to the agent now and with every later sending", () => {
    const subscriptions = new OutputSubscriptions();
    const message = {
      ...{ type: "subscribe_output", request_id: "r" },
      payload: { subscription_id: 1, after: 0, bytes: 1_000 },
    };
    expect(asked(subscriptions, session)).toMatchObject([{ type: "send", sessionId: 7, message }]);
    expect(subscriptions.messagesFor("r")).toMatchObject([message]);
    expect(subscriptions.accept("a", piece(1, "x".repeat(400)))).toBe(true);
    const payload = { subscription_id: 1, after: 1, bytes: 600 };
    expect(subscriptions.messagesFor("r")).toMatchObject([{ payload }]);
    expect(left(subscriptions, session)).toMatchObject([
      {
        type: "send",
        message: {
          type: "subscribe_output",
          payload: { subscription_id: 1, after: 1, bytes: 0, unsubscribe: true },
        },
      },
    ]);
    expect(subscriptions.messagesFor("r")).toEqual([]);
    expect(subscriptions.size).toBe(0);
  });

  test("confirms the end, so that its agent need not keep what was read", () => {
    const subscriptions = new OutputSubscriptions();
    asked(subscriptions, session);
    expect(subscriptions.accept("a", piece(1, "", { end: true }))).toBe(true);
    expect(left(subscriptions, session)).toMatchObject([
      { message: { type: "subscribe_output", payload: { after: 1, unsubscribe: true } } },
    ]);
  });

  test("output subscriptions: no message is sent if the agent does not know the subscription", () => {
    const subscriptions = new OutputSubscriptions();
    for (const to of [
      undefined,
      { ...session, isExtended: false },
      { sessionId: 7, isExtended: true },
    ]) {
      asked(subscriptions, session);
      expect(left(subscriptions, to as Session | undefined)).toEqual([]);
    }
    expect(subscriptions.size).toBe(0);
  });

  test("output subscriptions: a subscription to a standard agent ends at once", () => {
    const subscriptions = new OutputSubscriptions();
    const told = asked(subscriptions, { ...session, isExtended: false });
    expect(told).toEqual([
      { type: "forwardOutput", piece: { subscription_id: 1, sequence: 0, end: true } },
    ]);
  });

  test("a subscriber receives only the output that it requested, of its own request, once", () => {
    const subscriptions = new OutputSubscriptions();
    asked(subscriptions, session);
    expect(subscriptions.accept("b", piece(1, "x"))).toBe(false);
    expect(subscriptions.accept("a", { ...piece(1, "x"), request_id: "s" })).toBe(false);
    expect(subscriptions.accept("a", piece(1, "x", { subscription_id: 2 }))).toBe(false);
    expect(subscriptions.accept("a", piece(1, "x".repeat(800)))).toBe(true);
    expect(subscriptions.accept("a", piece(1, "x".repeat(800)))).toBe(false);
    expect(subscriptions.accept("a", piece(2, "x".repeat(800)))).toBe(true);
    expect(subscriptions.accept("a", piece(3, "x"))).toBe(false);
    expect(subscriptions.accept("a", piece(3, "", { end: true }))).toBe(true);
  });

  test("output subscriptions: a repeated request continues after the received chunks", () => {
    const subscriptions = new OutputSubscriptions();
    asked(subscriptions, session);
    expect(subscriptions.accept("a", piece(1, "x".repeat(500)))).toBe(true);
    asked(subscriptions, session, { ...order, bytesLeft: 500 });
    expect(subscriptions.accept("a", piece(1, "x".repeat(500)))).toBe(false);
    expect(subscriptions.accept("a", piece(2, "x".repeat(500)))).toBe(true);
  });

  test("is sent no more pieces than it has room for, however small they are", () => {
    const subscriptions = new OutputSubscriptions();
    asked(subscriptions, session);
    let taken = 0;
    while (taken < 1_000 && subscriptions.accept("a", piece(taken + 1, "x"))) taken++;
    expect(taken).toBe(Math.ceil(order.bytes / outputChunkCostMin));
    asked(subscriptions, session, { ...order, after: taken });
    expect(subscriptions.accept("a", piece(taken + 2, "x", { skipped: 1 }))).toBe(true);
    expect(subscriptions.accept("a", piece(taken + 2, "", { end: true }))).toBe(true);
    expect(subscriptions.accept("a", piece(taken + 2, "", { end: true }))).toBe(false);
    expect(asked(subscriptions, session)).toEqual([]);
  });
});
