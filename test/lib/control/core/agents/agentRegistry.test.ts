import { describe, expect, test } from "bun:test";
import {
  helloTimeoutMs,
  messagesBurstMax,
  pingAfterSilenceMs,
  protocolViolationsMax,
} from "../../../../../lib/protocol/limits.ts";
import { closeCodes } from "../../../../../lib/protocol/wire/closeCodes.ts";
import { CoreInHand, commandsIn, epoch } from "../../../../support/harness/controlCore.ts";

const heartbeat = { type: "heartbeat", payload: {} } as const;
const silentAfterMs = 45_000 + pingAfterSilenceMs;

function closings(step: { effects: { type: string }[] }) {
  return step.effects.filter((effect) => effect.type === "close" || effect.type === "terminate");
}

describe("a session", () => {
  test("of wsctl.v1 is welcomed after its hello, with advice", () => {
    const { step } = new CoreInHand().connect("a");
    expect(step.effects).toContainEqual(
      expect.objectContaining({
        message: expect.objectContaining({
          type: "welcome",
          payload: expect.objectContaining({ agent_id: "a", heartbeat_seconds: 15 }),
        }),
      }),
    );
  });

  test("gets no command before its hello, and is closed without one", () => {
    const hand = new CoreInHand();
    const session = {
      sessionId: 1,
      agentId: "a",
      tokenId: "t",
      isExtended: true,
      address: "",
      freshJournalId: "f",
    };
    hand.step({ type: "connectionOpened", session });
    expect(commandsIn(hand.submit(["a"]).step)).toEqual([]);
    const closed = hand.pass(helloTimeoutMs + pingAfterSilenceMs);
    expect(closings(closed)).toMatchObject([{ name: "silent" }, { type: "terminate" }]);
  });

  test("agent registry: other messages do not replace the hello", () => {
    const hand = new CoreInHand();
    const session = { sessionId: 1, agentId: "a", tokenId: "t", isExtended: true, address: "" };
    hand.step({ type: "connectionOpened", session: { ...session, freshJournalId: "f" } });
    const closed: { type: string }[] = [];
    for (let second = 0; second < 20; second++) {
      hand.receive(1, heartbeat);
      closed.push(...closings(hand.pass(1_000)));
    }
    expect(closed).toMatchObject([{ name: "silent" }, { type: "terminate" }]);
  });

  test("agent registry: a second hello is rejected", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const payload = {
      protocol_version: 1,
      version: "0",
      journal_id: "other",
      epoch: 0,
      instance_id: "i",
    };
    const step = hand.receive(sessionId, { type: "hello", payload });
    expect(step.effects).toMatchObject([{ message: { payload: { code: "MALFORMED" } } }]);
  });

  test("a connection lives while messages arrive and times out otherwise", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    for (let beat = 0; beat < 10; beat++) {
      expect(closings(hand.pass(40_000))).toEqual([]);
      hand.receive(sessionId, heartbeat);
    }
    expect(closings(hand.pass(silentAfterMs - 1))).toEqual([]);
    expect(closings(hand.pass(1))).toMatchObject([{ name: "silent" }, { type: "terminate" }]);
    expect(hand.core.registry.agent("a").session).toBeUndefined();
  });

  test("agent registry: after a pause of the control plane, agents get extra time before they time out", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    hand.now += 300_000;
    expect(closings(hand.step({ type: "tick" }))).toEqual([]);
    hand.receive(sessionId, heartbeat);
    expect(closings(hand.pass(pingAfterSilenceMs))).toEqual([]);
  });

  test("a connection is replaced by a newer one of its agent, and its late close has no effect", () => {
    const hand = new CoreInHand();
    const old = hand.connect("a");
    const young = hand.connect("a");
    expect(young.step.effects).toContainEqual({
      type: "close",
      sessionId: old.sessionId,
      name: "takenOver",
      reason: closeCodes.takenOver.meaning,
    });
    hand.step({ type: "connectionClosed", sessionId: old.sessionId });
    expect(hand.core.registry.agent("a").session?.sessionId).toBe(young.sessionId);
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    expect(hand.success(old.sessionId, requestId)).toMatchObject({ writes: [], effects: [] });
  });

  test("ends at once when its token is revoked", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const step = hand.step({ type: "tokenRevoked", tokenId: "token of a" });
    expect(closings(step)).toMatchObject([{ sessionId, name: "unauthorized" }]);
    expect(hand.receive(sessionId, heartbeat)).toMatchObject({ writes: [], effects: [] });
  });

  test("ends after too many refused messages, and after too many messages", () => {
    const hand = new CoreInHand();
    const broken = hand.connect("a").sessionId;
    for (let count = 0; count < protocolViolationsMax; count++) {
      const step = hand.step({ type: "messageReceived", sessionId: broken, frame: "junk" });
      expect(closings(step)).toEqual([]);
    }
    const last = hand.step({ type: "messageReceived", sessionId: broken, frame: "junk" });
    expect(closings(last)).toMatchObject([{ name: "malformed" }]);
    const flooding = hand.connect("b").sessionId;
    let step = { effects: [] as { type: string }[] };
    for (let count = 0; count < messagesBurstMax; count++) step = hand.receive(flooding, heartbeat);
    expect(closings(step)).toMatchObject([{ name: "rateLimited" }]);
  });

  test("agent registry: the connection of an agent that does not read is terminated", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const step = hand.step({ type: "sendBufferFull", sessionId });
    expect(closings(step)).toMatchObject([{ name: "slowReader" }, { type: "terminate" }]);
  });
});

describe("the fleet", () => {
  test("keeps the latest figures, those of the hour by minutes, and no more than two hours", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const says = (cpu: number) => {
      const payload = { cpu_usage: `${cpu}%`, memory_usage: "1.5GB" };
      hand.receive(sessionId, { type: "status_update", payload });
    };
    const agent = hand.core.registry.agent("a");
    says(1);
    says(2);
    hand.now += 60_000;
    says(3);
    expect(agent.cpuUsage).toBe("3%");
    expect(agent.metrics?.flatMap((hour) => hour.samples())).toEqual([
      { at: epoch, cpuPercent: 2, memoryBytes: 1.5e9 },
      { at: epoch + 60_000, cpuPercent: 3, memoryBytes: 1.5e9 },
    ]);
    for (let hour = 0; hour < 5; hour++) {
      hand.now += 3_600_000;
      says(10 + hour);
    }
    expect(agent.metrics).toHaveLength(2);
    const taken = hand.core.registry.metrics.take(10);
    expect(taken.map(({ agentId, hour }) => `${agentId} ${hour.number % 24}`)).toEqual([
      "a 4",
      "a 5",
    ]);
    expect(hand.core.registry.metrics.take(10)).toEqual([]);
    expect(agent.metrics).toHaveLength(1);
  });

  test("registry: sends slower pacing to a growing fleet with the next message", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    for (let count = 0; count < 40_000; count++) {
      hand.step({ type: "agentRegistered", agentId: `b${count}` });
    }
    const step = hand.receive(sessionId, heartbeat);
    expect(step.effects).toMatchObject([
      { message: { type: "welcome", payload: { heartbeat_seconds: 41, reconnect_seconds: 41 } } },
    ]);
    expect(hand.receive(sessionId, heartbeat).effects).toEqual([]);
  });

  test("registry: drain disconnects all agents in order, each with its own reconnect delay", () => {
    const hand = new CoreInHand();
    for (let count = 0; count < 4; count++) hand.connect(`a${count}`);
    hand.connect("plain", { isExtended: false });
    const { effects } = hand.step({ type: "connectionsDrained" });
    const delays = effects.flatMap((effect) =>
      effect.type === "send" && effect.message.type === "goaway"
        ? [effect.message.payload.retry_after_seconds]
        : [],
    );
    expect(delays).toEqual([0.5, 0.7, 0.9, 1.1]);
    expect(effects.filter((effect) => effect.type === "close")).toHaveLength(5);
    expect(hand.submit(["a0"]).step.effects).toMatchObject([
      { type: "rejectJob", error: { code: "UNAVAILABLE" } },
    ]);
    expect(closings(hand.connect("a9").step)).toMatchObject([{ name: "restarting" }]);
  });
});
