import { describe, expect, test } from "bun:test";
import { Executor } from "../../../lib/agent/executor.ts";
import type { AgentStep, JournalRecord } from "../../../lib/agent/records.ts";
import {
  acceptedMax,
  answerRepeatMs,
  memoryBeyondTtlMs,
  memoryMs,
  restartGraceMs,
  runningMax,
  stopGraceMs,
} from "../../../lib/protocol/limits.ts";
import type { Command } from "../../../lib/protocol/message.ts";

const epoch = Date.parse("2026-01-01T00:00:00Z");

/** An executor in the hands of a test, with a journal that keeps what it is given. */
class InHand {
  now = epoch;
  readonly journal = new Map<string, JournalRecord>();
  executor = this.#fresh();

  #fresh(): Executor {
    return new Executor({
      check: (name) =>
        name === "nope"
          ? { code: "INVALID_COMMAND", message: "no such command" }
          : { endsProcess: name === "restart" },
      self: { pid: 7, version: "1.2.3" },
    });
  }

  /** Runs one step; its writes are on disk, unless the journal fails. */
  step(run: (step: AgentStep) => void): AgentStep {
    const step: AgentStep = { writes: [], effects: [] };
    run(step);
    for (const write of step.writes) {
      if (write.type === "put") this.journal.set(write.record.requestId, write.record);
      if (write.type === "settled") {
        const record = this.journal.get(write.requestId);
        if (record) this.journal.set(write.requestId, { ...record, state: "settled" });
      }
    }
    return step;
  }

  link(v1 = true, link = 1): AgentStep {
    return this.step((step) => this.executor.linked({ link, v1 }, this.now, step));
  }

  command(requestId: string, name = "work", expiresAt?: number): AgentStep {
    const command: Command = {
      type: "command",
      request_id: requestId,
      timestamp: "2025-02-24T12:34:56Z",
      payload: { command: name, timeout_seconds: 10 },
    };
    const known = this.journal.get(requestId);
    return this.step((step) => this.executor.command(command, known, expiresAt, this.now, step));
  }

  finish(requestId: string, message = "done"): AgentStep {
    const result = { status: "success", message } as const;
    return this.step((step) => this.executor.finished(requestId, result, this.now, step));
  }

  pass(ms: number): AgentStep {
    this.now += ms;
    return this.step((step) => this.executor.tick(this.now, step));
  }

  /** The process dies, and another one starts from the same journal. */
  restart(): AgentStep {
    this.executor = this.#fresh();
    const open = [...this.journal.values()].filter(({ state }) => state !== "settled");
    return this.step((step) => this.executor.recover(open, this.now, step));
  }
}

const kinds = (step: AgentStep) => step.effects.map((effect) => effect.type);
const answers = (step: AgentStep) =>
  step.effects.flatMap((effect) => {
    if (effect.type !== "send") return [];
    const { message } = effect;
    if (message.type === "response") return [message.payload.message];
    return message.type === "error" ? [message.payload.code] : [];
  });

describe("a command", () => {
  test("is on record as started before it runs, and as ended before its answer leaves", () => {
    const hand = new InHand();
    hand.link();
    const begun = hand.command("r");
    expect(begun.writes).toMatchObject([{ type: "put", record: { state: "started" } }]);
    expect(kinds(begun)).toEqual(["run"]);
    const ended = hand.finish("r");
    expect(ended.writes).toMatchObject([{ type: "put", record: { state: "ended" } }]);
    expect(answers(ended)).toEqual(["done"]);
  });

  test("is not run again: silent while it runs, answered from memory, then from the journal", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    expect(hand.command("r")).toEqual({ writes: [], effects: [] });
    hand.finish("r");
    expect(answers(hand.command("r"))).toEqual(["done"]);
    hand.step((step) => hand.executor.settled("r", step));
    const again = hand.command("r");
    expect({ answers: answers(again), kinds: kinds(again) }).toEqual({
      answers: ["done"],
      kinds: ["send"],
    });
    hand.restart();
    hand.link();
    expect(answers(hand.command("r"))).toEqual(["done"]);
  });

  test("that nobody knows is refused, on record", () => {
    const hand = new InHand();
    hand.link();
    const step = hand.command("r", "nope");
    expect(answers(step)).toEqual(["INVALID_COMMAND"]);
    expect(step.writes).toMatchObject([{ record: { state: "ended" } }]);
  });

  test("past its expiry is refused, never run", () => {
    const hand = new InHand();
    hand.link();
    expect(answers(hand.command("r", "work", epoch))).toEqual(["EXPIRED"]);
  });

  test("that was killed with its process is interrupted, never run again", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.restart();
    expect(answers(hand.link())).toEqual(["INTERRUPTED"]);
    expect(kinds(hand.command("r"))).toEqual(["send"]);
  });

  test("is told to stop at its timeout, and answered when it has stopped", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    expect(hand.pass(9_999).effects).toEqual([]);
    expect(hand.pass(1).effects).toEqual([{ type: "abort", requestId: "r" }]);
    expect(answers(hand.finish("r"))).toEqual(["TIMEOUT"]);
  });

  test("that does not stop is given up, and its late end changes nothing", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.pass(10_000);
    expect(answers(hand.pass(stopGraceMs))).toEqual(["INTERRUPTED"]);
    expect(hand.finish("r")).toEqual({ writes: [], effects: [] });
    expect(hand.executor.running).toBe(0);
  });

  test("waits its turn on record, in order, and past that is BUSY", () => {
    const hand = new InHand();
    hand.link();
    for (let index = 0; index < runningMax; index++) hand.command(`run-${index}`);
    for (let index = 0; index < acceptedMax; index++) {
      const step = hand.command(`wait-${index}`);
      expect(step.writes).toMatchObject([{ record: { state: "accepted" } }]);
    }
    expect(answers(hand.command("more"))).toEqual(["BUSY"]);
    const next = hand.finish("run-3");
    expect(next.effects).toContainEqual(
      expect.objectContaining({ type: "run", requestId: "wait-0" }),
    );
  });

  test("that waited is run by the next process, unless its time has passed", () => {
    const hand = new InHand();
    hand.link();
    for (let index = 0; index < runningMax; index++) hand.command(`run-${index}`);
    hand.command("fresh", "work", epoch + 60_000);
    hand.command("stale", "work", epoch + 1_000);
    hand.now += 2_000;
    const step = hand.restart();
    expect(step.effects).toMatchObject([{ type: "run", requestId: "fresh" }]);
    expect(hand.journal.get("stale")?.answer).toMatchObject({ code: "EXPIRED" });
  });

  test("is remembered past its TTL, and for a week where there is none", () => {
    const hand = new InHand();
    hand.command("with", "work", epoch + 5_000);
    hand.command("without");
    expect(hand.journal.get("with")?.keepUntil).toBe(epoch + 5_000 + memoryBeyondTtlMs);
    expect(hand.journal.get("without")?.keepUntil).toBe(epoch + memoryMs);
  });
});

describe("an answer", () => {
  test("that could not be sent is sent on the next connection, until it is acknowledged", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.executor.unlinked();
    expect(answers(hand.finish("r"))).toEqual([]);
    expect(answers(hand.link(true, 2))).toEqual(["done"]);
    hand.executor.unlinked();
    expect(answers(hand.link(true, 3))).toEqual(["done"]);
    hand.step((step) => hand.executor.settled("r", step));
    expect(answers(hand.link(true, 4))).toEqual([]);
  });

  test("is repeated when no acknowledgement comes", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.finish("r");
    expect(answers(hand.pass(answerRepeatMs - 1))).toEqual([]);
    expect(answers(hand.pass(1))).toEqual(["done"]);
  });

  test("to a peer of the standard alone counts as received once the connection has lasted", () => {
    const hand = new InHand();
    hand.link(false);
    hand.command("r");
    hand.finish("r");
    expect(hand.pass(answerRepeatMs).writes).toEqual([{ type: "settled", requestId: "r" }]);
  });

  test("carries its result as JSON within the message to a peer of the standard alone", () => {
    const hand = new InHand();
    hand.link(false);
    hand.command("r");
    const result = { status: "success", message: "here", result: { a: 1 } } as const;
    const step = hand.step((each) => hand.executor.finished("r", result, hand.now, each));
    expect(step.effects).toMatchObject([
      { message: { payload: { status: "success", message: 'here\n{"a":1}' } } },
    ]);
  });

  test("over the limit of a message becomes an error that says so", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    const result = { status: "success", result: "x".repeat(70_000) } as const;
    const step = hand.step((each) => hand.executor.finished("r", result, hand.now, each));
    expect(answers(step)).toEqual(["TOO_LARGE"]);
  });
});

describe("a restart", () => {
  const restart = (hand: InHand, requestId: string) =>
    hand.step((step) => hand.executor.finished(requestId, { status: "restart" }, hand.now, step));

  test("is on record before the process ends, and answered by the one that comes back", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r", "restart");
    const step = restart(hand, "r");
    expect(step.writes).toMatchObject([{ record: { state: "restarting" } }]);
    expect(kinds(step)).toEqual(["restart"]);
    hand.restart();
    expect(answers(hand.link())).toEqual(["restarted after 0.0 s as process 7, version 1.2.3"]);
  });

  test("answers every other restart that was waiting for its moment", () => {
    const hand = new InHand();
    hand.link();
    for (const id of ["one", "two"]) hand.command(id, "restart");
    restart(hand, "two");
    hand.restart();
    expect(answers(hand.link())).toHaveLength(2);
    expect([...hand.journal.values()].map(({ answer }) => answer?.type)).toEqual([
      "response",
      "response",
    ]);
  });

  test("lets running commands end first, for so long and no longer, and takes no new ones", () => {
    const hand = new InHand();
    hand.link();
    hand.command("busy");
    hand.command("r", "restart");
    expect(kinds(restart(hand, "r"))).toEqual([]);
    expect(hand.command("new")).toEqual({ writes: [], effects: [] });
    expect(kinds(hand.finish("busy"))).toContain("restart");
    const other = new InHand();
    other.link(false);
    other.command("busy");
    other.command("r", "restart");
    restart(other, "r");
    expect(answers(other.command("new"))).toEqual(["BUSY"]);
    expect(kinds(other.pass(restartGraceMs))).toContain("restart");
  });

  test("that could not be written does not happen, and says so", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r", "restart");
    const step: AgentStep = { writes: [], effects: [] };
    hand.executor.finished("r", { status: "restart" }, hand.now, step);
    const told = hand.step((each) => hand.executor.saveFailed(step.writes, hand.now, each));
    expect(answers(told)).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(kinds(hand.command("next"))).toEqual(["run"]);
  });
});

describe("a journal that fails", () => {
  test("refuses what was to start, without a record of it", () => {
    const hand = new InHand();
    hand.link();
    const step: AgentStep = { writes: [], effects: [] };
    const command: Command = {
      type: "command",
      request_id: "r",
      timestamp: "",
      payload: { command: "work" },
    };
    hand.executor.command(command, undefined, undefined, hand.now, step);
    const told = hand.step((each) => hand.executor.saveFailed(step.writes, hand.now, each));
    expect(answers(told)).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(hand.executor.running).toBe(0);
    expect(kinds(hand.command("r"))).toEqual(["run"]);
  });

  test("keeps the answer of what has run, and tries again", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    const step: AgentStep = { writes: [], effects: [] };
    hand.executor.finished("r", { status: "success", message: "done" }, hand.now, step);
    hand.step((each) => hand.executor.saveFailed(step.writes, hand.now, each));
    const again = hand.pass(1_000);
    expect(again.writes).toMatchObject([{ record: { state: "ended" } }]);
    expect(answers(again)).toEqual(["done"]);
  });
});
