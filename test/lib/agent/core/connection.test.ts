import { describe, expect, test } from "bun:test";
import { ConnectionState } from "../../../../lib/agent/core/connection.ts";
import { AgentTransition } from "../../../../lib/agent/core/transition.ts";
import {
  backoffMsMax,
  connectTimeoutMs,
  pingAfterSilenceMs,
  slowReconnectMs,
  stableAfterMs,
} from "../../../../lib/protocol/limits.ts";
import { timestamp } from "../../../../lib/protocol/timestamp.ts";
import type { Welcome } from "../../../../lib/protocol/wire/message.ts";

const epoch = Date.parse("2026-01-01T00:00:00Z");

class InHand {
  now = epoch;
  readonly link = new ConnectionState({
    hello: { protocol_version: 1, version: "0", instance_id: "i" },
    heartbeatSeconds: 15,
  });

  step(run: (t: AgentTransition) => void): AgentTransition["effects"] {
    const t = new AgentTransition(this.now);
    run(t);
    expect(t.writes).toEqual([]);
    return t.effects;
  }

  start() {
    return this.step((t) => this.link.start(t));
  }

  open(isExtended: boolean) {
    return this.step((t) =>
      this.link.opened(isExtended, { journalId: "j", epoch: 3 }, undefined, t),
    );
  }

  welcome(pacing: { heartbeat?: number; reconnect?: number; serverNow?: number } = {}) {
    const { heartbeat = 15, reconnect = 1, serverNow = this.now } = pacing;
    const message: Welcome = {
      type: "welcome",
      timestamp: timestamp(serverNow),
      payload: {
        protocol_version: 1,
        agent_id: "a",
        journal_id: "j",
        epoch: 4,
        heartbeat_seconds: heartbeat,
        reconnect_seconds: reconnect,
      },
    };
    return this.step((t) => this.link.welcome(message, t));
  }

  close(code = 1006, random = 1) {
    return this.step((t) => this.link.closed(code, "", random, t));
  }

  /** Rings the timer whenever it is due, until the time has passed. */
  pass(ms: number, random = 1) {
    const effects: AgentTransition["effects"] = [];
    const end = this.now + ms;
    for (let next = this.link.next(); next !== undefined && next <= end; next = this.link.next()) {
      this.now = Math.max(this.now, next);
      effects.push(...this.step((t) => this.link.tick(random, t)));
    }
    this.now = end;
    return effects;
  }

  get waitMs() {
    return (this.link.next() ?? Number.NaN) - this.now;
  }
}

const kinds = (effects: AgentTransition["effects"]) =>
  effects.map((effect) => (effect.type === "send" ? effect.message.type : effect.type));

describe("the link", () => {
  test("connection: sends hello to a wsctl.v1 peer and is up after the welcome", () => {
    const hand = new InHand();
    expect(kinds(hand.start())).toEqual(["dial"]);
    expect(kinds(hand.open(true))).toEqual(["hello"]);
    expect(hand.link.up).toBeUndefined();
    expect(kinds(hand.welcome())).toEqual(["heartbeat", "ping", "log"]);
    expect(hand.link.up).toEqual({ link: 1, isExtended: true });
  });

  test("connection: with a standard peer it is up at once and sends only standard messages", () => {
    const hand = new InHand();
    hand.start();
    expect(kinds(hand.open(false))).toEqual(["heartbeat", "ping", "log"]);
    hand.link.messageReceived(hand.now);
    expect(kinds(hand.pass(30_000))).toEqual([
      "readHostMetrics",
      "heartbeat",
      "ping",
      "heartbeat",
      "ping",
    ]);
  });

  test("connection: applies the heartbeat interval of each welcome", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    hand.welcome({ heartbeat: 100 });
    expect(kinds(hand.pass(99_000))).toEqual(["readHostMetrics"]);
    hand.link.messageReceived(hand.now);
    hand.welcome({ heartbeat: 20 });
    expect(kinds(hand.pass(22_000))).toEqual(["heartbeat", "ping", "heartbeat", "ping"]);
  });

  test("connection: computes the offset of the control plane's clock", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    const asked = hand.now;
    hand.now += 2_000;
    hand.welcome({ serverNow: asked + 3_600_000 });
    // The answer may have been under way for all of the two seconds.
    expect(hand.link.clockOffsetMs).toBe(3_600_000);
  });

  test("gives a silent peer one last ping, then dials anew without waiting for the socket", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    hand.welcome();
    const effects = hand.pass(45_000 + pingAfterSilenceMs, 0);
    expect(kinds(effects).slice(-4)).toEqual(["ping", "terminate", "log", "dial"]);
    expect(hand.link.isLatest(2)).toBe(true);
    expect(hand.link.isCurrent(1)).toBe(false);
  });

  test("connection: a connection attempt times out", () => {
    const hand = new InHand();
    hand.start();
    expect(kinds(hand.pass(connectTimeoutMs))).toEqual(["terminate", "log"]);
  });

  test("connection: falls back to the standard if a wsctl.v1 peer sends no welcome", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    expect(kinds(hand.pass(connectTimeoutMs))).toEqual(["heartbeat", "ping", "log"]);
    expect(hand.link.up).toEqual({ link: 1, isExtended: false });
  });

  test("dials anew when the greeting comes so late that it tells no time", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    hand.pass(connectTimeoutMs);
    expect(kinds(hand.welcome())).toEqual(["terminate", "dial"]);
    expect(hand.link.up).toBeUndefined();
  });

  test("connection: spreads the first reconnect over the reconnect window", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    hand.welcome({ reconnect: 40 });
    hand.close(1006, 0.5);
    expect(hand.waitMs).toBe(20_000);
  });

  test("connection: doubles the reconnect delay up to a maximum and resets it after a stable connection", () => {
    const hand = new InHand();
    hand.start();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      hand.close();
      waits.push(hand.waitMs);
      hand.pass(hand.waitMs);
    }
    expect(waits).toEqual([5, 5, 5, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000));
    hand.open(false);
    hand.now += stableAfterMs - 1;
    hand.close();
    expect(hand.waitMs).toBe(backoffMsMax);
    hand.pass(hand.waitMs);
    hand.open(false);
    hand.now += stableAfterMs;
    hand.close();
    expect(hand.waitMs).toBe(5_000);
  });

  test("connection: after a goaway it reconnects after the requested delay", () => {
    const hand = new InHand();
    hand.start();
    hand.open(true);
    hand.welcome();
    hand.link.goaway(7_300);
    hand.close(1012);
    expect(hand.waitMs).toBe(7_300);
  });

  test.each([4401, 4403, 4409, 4400, 4429])("waits long after a close with %d", (code) => {
    const hand = new InHand();
    hand.start();
    hand.open(false);
    hand.close(code, 0);
    expect(hand.waitMs).toBe(slowReconnectMs);
  });

  test("connection: never reconnects after it was stopped", () => {
    const hand = new InHand();
    hand.start();
    hand.open(false);
    expect(hand.step((t) => hand.link.stop(t))).toMatchObject([{ type: "close", code: 1000 }]);
    expect(hand.close()).toEqual([]);
    expect(hand.link.next()).toBeUndefined();
  });
});
