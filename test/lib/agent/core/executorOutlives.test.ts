/**
 * Commands that run outside of the agent's process, and the limits that commands set themselves.
 */
import { describe, expect, test } from "bun:test";
import { stopGraceMs } from "../../../../lib/protocol/limits.ts";
import { answers, InHand, kinds } from "../../../support/harness/executorInHand.ts";

describe("a command that outlives the process", () => {
  test("is taken up by the process that comes back, and ends with its true result", () => {
    const hand = new InHand();
    hand.link();
    expect(kinds(hand.command("r1", "program"))).toEqual(["run"]);
    const back = hand.restart();
    expect(back.effects).toEqual([{ type: "resumeRun", requestId: "r1", command: "program" }]);
    hand.link(true, 2);
    const ended = hand.finish("r1", "all of its output");
    expect(answers(ended)).toEqual(["all of its output"]);
    expect(kinds(ended)).toEqual(["send", "deleteRunDirectory"]);
  });

  test("is lost only agents whose outcome is lost", () => {
    const hand = new InHand();
    hand.command("r1", "program");
    hand.restart();
    hand.link();
    const result = { status: "unknown", message: "nobody knows" } as const;
    const step = hand.step((s) => hand.executor.finished("r1", result, s));
    expect(answers(step)).toEqual(["INTERRUPTED"]);
  });

  test("has the rest of its time, not all of it again", () => {
    const hand = new InHand();
    hand.command("r1", "program");
    hand.pass(6_000);
    hand.restart();
    expect(kinds(hand.pass(3_999))).toEqual([]);
    expect(kinds(hand.pass(1))).toEqual(["abort"]);
  });

  test("keeps its result when it ended at the very moment of its timeout", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "program");
    hand.pass(10_000);
    expect(answers(hand.finish("r1"))).toEqual(["done"]);
    hand.command("r2", "program");
    hand.pass(10_000);
    const result = { status: "stopped", why: "timeout", output: "so far" } as const;
    const step = hand.step((s) => hand.executor.finished("r2", result, s));
    expect(answers(step)).toEqual(["TIMEOUT"]);
  });

  test("neither holds a restart up nor the agent's end", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "program");
    expect(hand.executor.isBusy).toBe(false);
    hand.command("r2", "restart");
    const result = { status: "restart" } as const;
    const step = hand.step((s) => hand.executor.finished("r2", result, s));
    expect(kinds(step)).toContain("restart");
    expect(hand.journal.get("r1")?.state).toBe("started");
  });
});

describe("a request that is cancelled", () => {
  test("never begins where it waits for its turn", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "single");
    hand.command("r2", "single");
    expect(answers(hand.cancel("r2"))).toEqual(["CANCELLED"]);
    expect(kinds(hand.finish("r1"))).toEqual(["send"]);
  });

  test("is stopped where it runs, and says so", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1");
    expect(hand.cancel("r1").effects).toEqual([{ type: "abort", requestId: "r1", why: "cancel" }]);
    expect(hand.cancel("r1").effects).toEqual([]);
    expect(answers(hand.finish("r1"))).toEqual(["STOPPED"]);
    expect(hand.cancel("r1").effects).toEqual([]);
    expect(hand.cancel("never seen").effects).toEqual([]);
  });

  test("is lost where it does not stop", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1");
    hand.cancel("r1");
    expect(answers(hand.pass(stopGraceMs))).toEqual(["INTERRUPTED"]);
  });

  test("keeps the true result of a program that had ended by itself", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "program");
    hand.cancel("r1");
    expect(answers(hand.finish("r1"))).toEqual(["done"]);
  });
});

test("a command of which only one may run waits for its turn while others pass", () => {
  const hand = new InHand();
  hand.link();
  expect(kinds(hand.command("r1", "single"))).toEqual(["run"]);
  expect(kinds(hand.command("r2", "single"))).toEqual([]);
  expect(kinds(hand.command("r3", "work"))).toEqual(["run"]);
  expect(kinds(hand.finish("r1"))).toEqual(["send", "run"]);
});

test("a command's own time limit holds where the request allows more", () => {
  const hand = new InHand();
  hand.link();
  hand.command("r1", "brief");
  expect(kinds(hand.pass(2_000))).toEqual(["abort"]);
});
