/**
 * Commands that run outside of the agent's process, and the limits that commands set themselves.
 */
import { describe, expect, test } from "bun:test";
import { stopGraceMs } from "../../../../lib/protocol/limits.ts";
import { answers, InHand, kinds } from "../../../support/harness/executorInHand.ts";

describe("a command that outlives the process", () => {
  test("executor: the next agent process resumes a running program and reports its result", () => {
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

  test('executor: a program whose end is unknown ends as INTERRUPTED (outcome "lost")', () => {
    const hand = new InHand();
    hand.command("r1", "program");
    hand.restart();
    hand.link();
    const result = { status: "unknown", message: "nobody knows" } as const;
    const step = hand.step((s) => hand.executor.finished("r1", result, s));
    expect(answers(step)).toEqual(["INTERRUPTED"]);
  });

  test("executor: a resumed program keeps its original timeout", () => {
    const hand = new InHand();
    hand.command("r1", "program");
    hand.pass(6_000);
    hand.restart();
    expect(kinds(hand.pass(3_999))).toEqual([]);
    expect(kinds(hand.pass(1))).toEqual(["abort"]);
  });

  test("executor: a program that ends exactly at its timeout keeps its result", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "program");
    hand.pass(10_000);
    expect(answers(hand.finish("r1"))).toEqual(["done"]);
    hand.command("r2", "program");
    hand.pass(10_000);
    const result = { status: "stopped", why: "timeout", hasBegun: true, output: "so far" } as const;
    const step = hand.step((s) => hand.executor.finished("r2", result, s));
    expect(answers(step)).toEqual(["TIMEOUT"]);
  });

  test("executor: a running program delays neither a restart nor the shutdown of the agent", () => {
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
  test("executor: a cancelled request that is queued never starts", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "single");
    hand.command("r2", "single");
    expect(answers(hand.cancel("r2"))).toEqual(["CANCELLED"]);
    expect(kinds(hand.finish("r1"))).toEqual(["send"]);
  });

  test("executor: a cancelled request that runs is stopped and ends as cancelled", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1");
    expect(hand.cancel("r1").effects).toEqual([{ type: "abort", requestId: "r1", why: "cancel" }]);
    expect(hand.cancel("r1").effects).toEqual([]);
    expect(answers(hand.finish("r1"))).toEqual(["STOPPED"]);
    expect(hand.cancel("r1").effects).toEqual([]);
    expect(hand.cancel("never seen").effects).toEqual([]);
  });

  test("executor: a cancelled request that does not stop ends as lost", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1");
    hand.cancel("r1");
    expect(answers(hand.pass(stopGraceMs))).toEqual(["INTERRUPTED"]);
  });

  test("executor: cancelling a program that has already ended keeps its result", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r1", "program");
    hand.cancel("r1");
    expect(answers(hand.finish("r1"))).toEqual(["done"]);
  });
});

test("executor: a command with concurrency 1 waits while other commands start", () => {
  const hand = new InHand();
  hand.link();
  expect(kinds(hand.command("r1", "single"))).toEqual(["run"]);
  expect(kinds(hand.command("r2", "single"))).toEqual([]);
  expect(kinds(hand.command("r3", "work"))).toEqual(["run"]);
  expect(kinds(hand.finish("r1"))).toEqual(["send", "run"]);
});

test("executor: the timeout of the manifest applies if the request allows more", () => {
  const hand = new InHand();
  hand.link();
  hand.command("r1", "brief");
  expect(kinds(hand.pass(2_000))).toEqual(["abort"]);
});
