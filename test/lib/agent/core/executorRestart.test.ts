import { describe, expect, test } from "bun:test";
import { AgentTransition } from "../../../../lib/agent/core/transition.ts";
import { restartGraceMs } from "../../../../lib/protocol/limits.ts";
import type { Command } from "../../../../lib/protocol/wire/message.ts";
import { answers, InHand, kinds } from "../../../support/harness/executorInHand.ts";

describe("a restart", () => {
  const restart = (hand: InHand, requestId: string) =>
    hand.step((t) => hand.executor.finished(requestId, { status: "restart" }, t));

  test("is on record before the process ends, and answered by the one that comes back", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r", "restart");
    const step = restart(hand, "r");
    expect(step.writes).toMatchObject([{ record: { state: "restarting" } }]);
    expect(kinds(step)).toEqual(["restart"]);
    hand.restart();
    expect(answers(hand.link())).toEqual(["restarted, version 1.2.3"]);
  });

  test("restart: one restart of the process answers all pending restart requests", () => {
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

  test("restart: running commands get a limited time to end, and no new ones start", () => {
    const hand = new InHand();
    hand.link();
    hand.command("busy");
    hand.command("r", "restart");
    expect(kinds(restart(hand, "r"))).toEqual([]);
    expect(hand.command("new")).toMatchObject({ writes: [], effects: [] });
    expect(kinds(hand.finish("busy"))).toContain("restart");
    const other = new InHand();
    other.link(false);
    other.command("busy");
    other.command("r", "restart");
    restart(other, "r");
    expect(answers(other.command("new"))).toEqual(["BUSY"]);
    expect(kinds(other.pass(restartGraceMs))).toContain("restart");
  });

  test("restart: if it cannot be stored, the process continues, and the request has not started", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r", "restart");
    const t = new AgentTransition(hand.now);
    hand.executor.finished("r", { status: "restart" }, t);
    const told = hand.step((each) => hand.executor.commitFailed(t.writes, each));
    expect(answers(told)).toEqual(["NOT_STARTED"]);
    expect(kinds(hand.command("next"))).toEqual(["run"]);
  });
});

describe("a journal that fails", () => {
  test("executor: if the journal fails, queued commands are rejected, and a repeat gets the same response", () => {
    const hand = new InHand();
    hand.link();
    const t = new AgentTransition(hand.now);
    const command: Command = {
      type: "command",
      request_id: "r",
      timestamp: "",
      payload: { command: "work" },
    };
    hand.executor.command(command, undefined, undefined, t);
    const told = hand.step((each) => hand.executor.commitFailed(t.writes, each));
    expect(answers(told)).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(hand.executor.sizes.running).toBe(0);
    const again = hand.command("r");
    expect(answers(again)).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(again.writes).toMatchObject([{ record: { state: "ended" } }]);
    hand.restart();
    expect(answers(hand.link())).toEqual(["STORAGE_UNAVAILABLE"]);
  });

  test("executor: if the journal fails, a refusal is sent all the same, and stored later", () => {
    const hand = new InHand();
    hand.link();
    const t = new AgentTransition(hand.now);
    const payload = { command: "nope" };
    const command: Command = { type: "command", request_id: "r", timestamp: "", payload };
    hand.executor.command(command, undefined, undefined, t);
    const told = hand.step((each) => hand.executor.commitFailed(t.writes, each));
    expect(answers(told)).toEqual(["INVALID_COMMAND"]);
    expect(kinds(hand.step((each) => hand.executor.commitFailed(t.writes, each)))).toEqual([]);
    expect(hand.pass(1_000).writes).toMatchObject([{ record: { state: "ended" } }]);
  });

  test("outbox: if the journal fails, the response stays in memory and the write is repeated", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    const t = new AgentTransition(hand.now);
    hand.executor.finished("r", { status: "success", message: "done" }, t);
    hand.step((each) => hand.executor.commitFailed(t.writes, each));
    const again = hand.pass(1_000);
    expect(again.writes).toMatchObject([{ record: { state: "ended" } }]);
    expect(answers(again)).toEqual(["done"]);
  });

  test("outbox: an acknowledged response that is not stored is kept until it is", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    const t = new AgentTransition(hand.now);
    hand.executor.finished("r", { status: "success", message: "done" }, t);
    hand.step((each) => hand.executor.commitFailed(t.writes, each));
    expect(hand.step((each) => hand.executor.outbox.acknowledged("r", each)).writes).toEqual([]);
    const saved = hand.pass(1_000);
    expect(saved.effects).toEqual([{ type: "confirmPersisted", requestId: "r" }]);
    expect(hand.step((each) => hand.executor.outbox.persisted("r", each)).writes).toEqual([
      { type: "markAcknowledged", requestId: "r" },
    ]);
  });
});
