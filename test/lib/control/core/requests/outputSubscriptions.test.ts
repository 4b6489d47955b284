import { describe, expect, test } from "bun:test";
import type { Session } from "../../../../../lib/control/core/agents/session.ts";
import type { FollowOrder } from "../../../../../lib/control/core/model.ts";
import { Follows } from "../../../../../lib/control/core/requests/outputSubscriptions.ts";
import { ControlTransition } from "../../../../../lib/control/core/transition.ts";
import { outputRecordCostMin } from "../../../../../lib/protocol/limits.ts";
import type { Output } from "../../../../../lib/protocol/wire/message.ts";

const order: FollowOrder = {
  ...{ watcher: 1, requestId: "r", agentId: "a", after: 0, bytes: 1_000, bytesLeft: 1_000 },
};
const session = { sessionId: 7, v1: true, journalId: "j" } as Session;

function piece(sequence: number, text: string, more: object = {}): Output {
  const payload = { watcher: 1, sequence, text, ...more };
  return { type: "output", request_id: "r", timestamp: "2026-01-01T00:00:00Z", payload };
}

function asked(
  follows: Follows,
  to: Session | undefined,
  wanted = order,
): ControlTransition["effects"] {
  const t = new ControlTransition(0);
  follows.ask(wanted, to, t);
  return t.effects;
}

function left(follows: Follows, to: Session | undefined): ControlTransition["effects"] {
  const t = new ControlTransition(0);
  follows.leave(1, () => to, t);
  return t.effects;
}

describe("a watcher", () => {
  test("is made known to the agent now and with every later sending", () => {
    const follows = new Follows();
    const message = {
      ...{ type: "follow", request_id: "r" },
      payload: { watcher: 1, after: 0, bytes: 1_000 },
    };
    expect(asked(follows, session)).toMatchObject([{ type: "send", sessionId: 7, message }]);
    expect(follows.messagesFor("r")).toMatchObject([message]);
    expect(follows.take("a", piece(1, "x".repeat(400)))).toBe(true);
    const payload = { watcher: 1, after: 1, bytes: 600 };
    expect(follows.messagesFor("r")).toMatchObject([{ payload }]);
    expect(left(follows, session)).toMatchObject([
      {
        type: "send",
        message: { type: "follow", payload: { watcher: 1, after: 1, bytes: 0, end: true } },
      },
    ]);
    expect(follows.messagesFor("r")).toEqual([]);
    expect(follows.size).toBe(0);
  });

  test("leaves without a word where its agent knows already, or knows of none", () => {
    const follows = new Follows();
    asked(follows, session);
    expect(follows.take("a", piece(1, "", { end: true }))).toBe(true);
    expect(left(follows, session)).toEqual([]);
    for (const to of [undefined, { ...session, v1: false }, { sessionId: 7, v1: true }]) {
      asked(follows, session);
      expect(left(follows, to as Session | undefined)).toEqual([]);
    }
    expect(follows.size).toBe(0);
  });

  test("of an agent of the standard alone has seen the end", () => {
    const follows = new Follows();
    const told = asked(follows, { ...session, v1: false });
    expect(told).toEqual([{ type: "output", piece: { watcher: 1, sequence: 0, end: true } }]);
  });

  test("is given only what it asked for, of its own request, once", () => {
    const follows = new Follows();
    asked(follows, session);
    expect(follows.take("b", piece(1, "x"))).toBe(false);
    expect(follows.take("a", { ...piece(1, "x"), request_id: "s" })).toBe(false);
    expect(follows.take("a", piece(1, "x", { watcher: 2 }))).toBe(false);
    expect(follows.take("a", piece(1, "x".repeat(800)))).toBe(true);
    expect(follows.take("a", piece(1, "x".repeat(800)))).toBe(false);
    expect(follows.take("a", piece(2, "x".repeat(800)))).toBe(true);
    expect(follows.take("a", piece(3, "x"))).toBe(false);
    expect(follows.take("a", piece(3, "", { end: true }))).toBe(true);
  });

  test("who asks again keeps what it received since", () => {
    const follows = new Follows();
    asked(follows, session);
    expect(follows.take("a", piece(1, "x".repeat(500)))).toBe(true);
    asked(follows, session, { ...order, bytesLeft: 500 });
    expect(follows.take("a", piece(1, "x".repeat(500)))).toBe(false);
    expect(follows.take("a", piece(2, "x".repeat(500)))).toBe(true);
  });

  test("is sent no more pieces than it has room for, however small they are", () => {
    const follows = new Follows();
    asked(follows, session);
    let taken = 0;
    while (taken < 1_000 && follows.take("a", piece(taken + 1, "x"))) taken++;
    expect(taken).toBe(Math.ceil(order.bytes / outputRecordCostMin));
    asked(follows, session, { ...order, after: taken });
    expect(follows.take("a", piece(taken + 1, ""))).toBe(false);
    expect(follows.take("a", piece(taken + 2, "", { skipped: 1 }))).toBe(true);
    expect(follows.take("a", piece(taken + 2, "", { end: true }))).toBe(true);
    expect(follows.take("a", piece(taken + 2, "", { end: true }))).toBe(false);
    expect(asked(follows, session)).toEqual([]);
  });
});
