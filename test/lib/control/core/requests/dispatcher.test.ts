/** One test for each transition of a request: queued, sent, ended, and what leads there. */
import { describe, expect, test } from "bun:test";
import type { Job, OpenJournal } from "../../../../../lib/control/core/model.ts";
import { Dispatcher } from "../../../../../lib/control/core/requests/dispatcher.ts";
import { OutputSubscriptions } from "../../../../../lib/control/core/requests/outputSubscriptions.ts";
import type { ConnectedAgent } from "../../../../../lib/control/core/requests/requestTable.ts";
import { ControlTransition } from "../../../../../lib/control/core/transition.ts";
import { answerGraceMs, recoveryGraceMs } from "../../../../../lib/protocol/limits.ts";
import { timestamp } from "../../../../../lib/protocol/timestamp.ts";
import { commandsIn, epoch, outcomesIn } from "../../../../support/harness/controlCore.ts";

const timeoutMs = 30_000;
const ttlMs = 600_000;
const reconnect = { reconnectSeconds: 1 };
const extended: ConnectedAgent = {
  ...{ sessionId: 1, agentId: "web-1", isExtended: true },
  journalId: "journal",
  clockSetByMs: 0,
};
const standard: ConnectedAgent = {
  ...{ sessionId: 2, agentId: "web-1", isExtended: false },
  clockSetByMs: 0,
};

/** A dispatcher with a clock that the test moves. */
class Harness {
  now = epoch;
  readonly dispatcher: Dispatcher;

  constructor(open: OpenJournal = { jobs: [], requests: [] }) {
    this.dispatcher = new Dispatcher(open, new OutputSubscriptions(), this.now, reconnect);
  }

  do(run: (t: ControlTransition) => void): ControlTransition {
    const t = new ControlTransition(this.now);
    run(t);
    return t;
  }

  submit(more: Partial<Job> = {}, agents = ["web-1"]): ControlTransition {
    const job: Job = {
      ...{ jobId: "job", command: "ping", target: { agents }, timeoutMs, ttlMs },
      ...{ createdAt: this.now, createdBy: "operator" },
      ...more,
    };
    const requests = agents.map((agentId) => ({ requestId: `r-${agentId}`, agentId }));
    return this.do((t) => this.dispatcher.submit(job, requests, t));
  }

  online(agent = extended): ControlTransition {
    return this.do((t) => this.dispatcher.online(agent, t));
  }

  respond(agent = extended): ControlTransition {
    const payload = { status: "success" } as const;
    const stamp = timestamp(this.now);
    const response = {
      type: "response",
      request_id: "r-web-1",
      timestamp: stamp,
      payload,
    } as const;
    return this.do((t) => void this.dispatcher.responseReceived(agent, response, t));
  }

  /** Time passes, and the dispatcher is told of it as often as it asks for. */
  pass(ms: number): Record<string, string> {
    const end = this.now + ms;
    let outcomes = {};
    for (let next = this.dispatcher.next(); next !== undefined && next <= end; ) {
      this.now = Math.max(this.now, next);
      outcomes = { ...outcomes, ...outcomesIn(this.do((t) => this.dispatcher.tick(t))) };
      next = this.dispatcher.next();
    }
    this.now = end;
    return outcomes;
  }
}

describe("dispatcher", () => {
  test("a submitted request is queued while its agent is offline", () => {
    const t = new Harness().submit();
    expect(t.writes).toMatchObject([{ type: "putJob", requests: [{ state: "queued" }] }]);
    expect(commandsIn(t)).toEqual([]);
  });

  test("a submitted request is sent at once if its agent is online, and written as sent", () => {
    const harness = new Harness();
    harness.online();
    const t = harness.submit();
    expect(t.writes).toMatchObject([
      { type: "putJob", requests: [{ state: "sent", sentAt: epoch, journalId: "journal" }] },
    ]);
    expect(commandsIn(t)).toEqual([{ sessionId: 1, requestId: "r-web-1" }]);
  });

  test("a queued request is sent when its agent comes online, and is written before it leaves", () => {
    const harness = new Harness();
    harness.submit();
    const t = harness.online();
    expect(t.writes).toMatchObject([{ type: "markSent", requestId: "r-web-1" }]);
    expect(commandsIn(t)).toEqual([{ sessionId: 1, requestId: "r-web-1" }]);
  });

  test("a queued request expires after its time to live", () => {
    const harness = new Harness();
    harness.submit();
    expect(harness.pass(ttlMs - 1)).toEqual({});
    expect(harness.pass(1)).toEqual({ "r-web-1": "expired EXPIRED" });
  });

  test("a queued request is cancelled with its job", () => {
    const harness = new Harness();
    harness.submit();
    const t = harness.do((each) => harness.dispatcher.cancel("job", each));
    expect(outcomesIn(t)).toEqual({ "r-web-1": "cancelled CANCELLED" });
  });

  test("a queued request is cancelled with the token that created it", () => {
    const harness = new Harness();
    harness.submit();
    const filter = { createdBy: "operator", reason: "revoked" };
    const t = harness.do((each) => harness.dispatcher.cancelMatching(filter, each));
    expect(Object.keys(outcomesIn(t))).toEqual(["r-web-1"]);
  });

  test("a sent request ends with its agent's response, which is acknowledged", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    const t = harness.respond();
    expect(outcomesIn(t)).toEqual({ "r-web-1": "success" });
    expect(t.effects).toContainEqual(
      expect.objectContaining({ type: "send", message: expect.objectContaining({ type: "ack" }) }),
    );
    expect(harness.dispatcher.requests.get("r-web-1")).toBeUndefined();
  });

  test("a second response to a request changes nothing", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    harness.respond();
    expect(outcomesIn(harness.respond())).toEqual({});
  });

  test("a response of another agent ends nothing", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    const other = { ...extended, agentId: "web-2" };
    expect(outcomesIn(harness.respond(other))).toEqual({});
  });

  test("a sent request is stopped with its job, and ends with its agent's answer", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    const t = harness.do((each) => harness.dispatcher.cancel("job", each));
    expect(outcomesIn(t)).toEqual({});
    expect(t.effects).toMatchObject([{ message: { type: "cancel", request_id: "r-web-1" } }]);
  });

  test("a sent request is lost when its agent stays silent past timeout and grace", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    expect(harness.pass(timeoutMs + answerGraceMs - 1)).toEqual({});
    expect(harness.pass(1)).toEqual({ "r-web-1": "lost TIMEOUT" });
  });

  test("a sent request is sent again to the same journal when its agent reconnects", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    harness.dispatcher.offline("web-1", harness.now);
    expect(commandsIn(harness.online({ ...extended, sessionId: 3 }))).toEqual([
      { sessionId: 3, requestId: "r-web-1" },
    ]);
  });

  test.each([
    ["another journal", { ...extended, sessionId: 3, journalId: "other" }],
    ["an agent of the standard alone", { ...standard, sessionId: 3 }],
  ])("a sent request is never sent again to %s", (_name, agent) => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    harness.dispatcher.offline("web-1", harness.now);
    expect(commandsIn(harness.online(agent))).toEqual([]);
  });

  test("a paused job sends nothing, and continues when it is resumed", () => {
    const harness = new Harness();
    harness.submit();
    harness.do((t) => harness.dispatcher.pause("job", t));
    expect(commandsIn(harness.online())).toEqual([]);
    const t = harness.do((each) => harness.dispatcher.resume("job", each));
    expect(commandsIn(t)).toHaveLength(1);
  });

  test("a job that needs approval sends nothing before it is approved", () => {
    const harness = new Harness();
    harness.online();
    expect(commandsIn(harness.submit({ needsApproval: true }))).toEqual([]);
    const t = harness.do((each) => harness.dispatcher.approve("job", "other", each));
    expect(commandsIn(t)).toHaveLength(1);
  });

  test("after a restart a sent request is given time for its agent to return", () => {
    const jobs = [
      {
        ...{ jobId: "job", command: "ping", target: { agents: ["web-1"] }, timeoutMs, ttlMs },
        ...{ createdAt: epoch - ttlMs, createdBy: "operator" },
      },
    ];
    const sent = { state: "sent", sentAt: epoch - ttlMs, journalId: "journal" } as const;
    const requests = [{ requestId: "r-web-1", jobId: "job", agentId: "web-1", ...sent }];
    const harness = new Harness({ jobs, requests });
    expect(harness.pass(recoveryGraceMs - 1)).toEqual({});
    expect(harness.pass(ttlMs)).toEqual({ "r-web-1": expect.stringMatching(/^lost /) });
  });

  test("after a pause of the process a sent request is given time as after a restart", () => {
    const harness = new Harness();
    harness.online();
    harness.submit();
    harness.now += timeoutMs + answerGraceMs + 1;
    harness.dispatcher.waitForReturn(harness.now, reconnect);
    expect(harness.pass(recoveryGraceMs - 1)).toEqual({});
    expect(harness.pass(1)).toEqual({ "r-web-1": "lost TIMEOUT" });
  });
});
