import { describe, expect, test } from "bun:test";
import {
  acceptedMax,
  answerRepeatMs,
  dedupAfterTtlMs,
  dedupWindowMs,
  runningMax,
  stopGraceMs,
} from "../../../../lib/protocol/limits.ts";
import { answers, epoch, InHand, kinds } from "../../../support/harness/executorInHand.ts";

describe("a command", () => {
  test('executor: writes "started" before a command runs, and its response before sending it', () => {
    const hand = new InHand();
    hand.link();
    const begun = hand.command("r");
    expect(begun.writes).toMatchObject([{ type: "putRequest", record: { state: "started" } }]);
    expect(kinds(begun)).toEqual(["run"]);
    const ended = hand.finish("r");
    expect(ended.writes).toMatchObject([{ type: "putRequest", record: { state: "ended" } }]);
    expect(answers(ended)).toEqual(["done"]);
  });

  test("executor: a repeated command does not run again; it gets the response from memory or the journal", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    expect(hand.command("r")).toMatchObject({ writes: [], effects: [] });
    hand.finish("r");
    expect(answers(hand.command("r"))).toEqual(["done"]);
    hand.step((t) => hand.executor.outbox.acknowledged("r", t));
    const again = hand.command("r");
    expect({ answers: answers(again), kinds: kinds(again) }).toEqual({
      answers: ["done"],
      kinds: ["send"],
    });
    hand.restart();
    hand.link();
    expect(answers(hand.command("r"))).toEqual(["done"]);
  });

  test("executor: after the clock was set back across a restart, a waiting command with a TTL does not start", () => {
    const hand = new InHand();
    hand.command("first", "single");
    hand.command("second", "single", hand.now + 2_000);
    hand.command("without a TTL", "single");
    hand.now -= 60_000;
    const step = hand.restart();
    hand.now += 1_000;
    expect(answers(hand.link())).toEqual(["INTERRUPTED", "EXPIRED"]);
    expect(kinds(step)).toContain("run");
  });

  test("executor: a cancelled command that could not start is not reported as stopped", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.cancel("r");
    const result = { status: "not_started", message: "its TTL ended" } as const;
    const ended = hand.step((t) => hand.executor.finished("r", result, t));
    expect(answers(ended)).toEqual(["NOT_STARTED"]);
  });

  test("executor: an unknown command is rejected and the rejection is stored", () => {
    const hand = new InHand();
    hand.link();
    const step = hand.command("r", "nope");
    expect(answers(step)).toEqual(["INVALID_COMMAND"]);
    expect(step.writes).toMatchObject([{ record: { state: "ended" } }]);
  });

  test("executor: a queued command whose signatures expire never starts", () => {
    const hand = new InHand();
    hand.link();
    for (let index = 0; index < runningMax; index++) hand.command(`r${index}`);
    const notAfter = new Date(hand.now + 3_000).toISOString();
    expect(kinds(hand.command("late", "work", undefined, notAfter))).toEqual([]);
    expect(answers(hand.pass(3_000))).toEqual(["EXPIRED"]);
    expect(kinds(hand.finish("r0"))).toEqual(["send"]);
  });

  test("executor: a command that arrives after its expiry is rejected", () => {
    const hand = new InHand();
    hand.link();
    expect(answers(hand.command("r", "work", epoch))).toEqual(["EXPIRED"]);
  });

  test("executor: a command that ran when its process died ends as INTERRUPTED", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.restart();
    expect(answers(hand.link())).toEqual(["INTERRUPTED"]);
    expect(kinds(hand.command("r"))).toEqual(["send"]);
  });

  test("executor: a command is stopped at its timeout and answered when it has stopped", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    expect(hand.pass(9_999).effects).toEqual([]);
    expect(hand.pass(1).effects).toEqual([{ type: "abort", requestId: "r", why: "timeout" }]);
    expect(answers(hand.finish("r"))).toEqual(["TIMEOUT"]);
  });

  test("executor: a command that does not stop ends as INTERRUPTED, and its late end is ignored", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.pass(10_000);
    expect(answers(hand.pass(stopGraceMs))).toEqual(["INTERRUPTED"]);
    expect(hand.finish("r")).toMatchObject({ writes: [], effects: [] });
    expect(hand.executor.sizes.running).toBe(0);
  });

  test("executor: queued commands start in order; commands beyond the queue limit are rejected with BUSY", () => {
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

  test("executor: the next process starts queued commands unless their TTL has passed", () => {
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

  test("executor: a queue of an earlier process waits until the journal is known to be the latest", () => {
    const hand = new InHand();
    hand.link();
    for (let index = 0; index < runningMax; index++) hand.command(`run-${index}`);
    hand.command("waiting", "work", epoch + 60_000);
    const step = hand.step((t) => hand.begin(undefined, t));
    expect(kinds(step)).not.toContain("run");
    // Another machine may be running it: its end is not known here.
    expect(kinds(hand.pass(120_000))).not.toContain("run");
    expect(hand.journal.get("waiting")?.state).toBe("accepted");
    hand.step((t) => hand.executor.resumeQueue(true, t));
    expect(hand.journal.get("waiting")?.answer).toMatchObject({ code: "EXPIRED" });
  });

  test("executor: an older copy of a journal starts nothing of its queue, and answers nothing", () => {
    const hand = new InHand();
    hand.link();
    for (let index = 0; index < runningMax; index++) hand.command(`run-${index}`);
    hand.command("waiting", "work", epoch + 60_000);
    const step = hand.restart(undefined, false);
    expect(step.effects).toEqual([]);
    expect(hand.journal.get("waiting")?.state).toBe("acknowledged");
    hand.link(true, 2);
    expect(kinds(hand.pass(120_000))).not.toContain("run");
    expect(hand.journal.get("waiting")?.answer).toBeUndefined();
  });

  test("executor: remembers a request longer than its TTL, and for a week without one", () => {
    const hand = new InHand();
    hand.command("with", "work", epoch + 5_000);
    hand.command("without");
    expect(hand.journal.get("with")?.keepUntil).toBe(epoch + 5_000 + dedupAfterTtlMs);
    expect(hand.journal.get("without")?.keepUntil).toBe(epoch + dedupWindowMs);
  });
});

describe("an answer", () => {
  test("outbox: a response that was not sent is sent on the next connection until it is acknowledged", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.executor.outbox.unlinked();
    expect(answers(hand.finish("r"))).toEqual([]);
    expect(answers(hand.link(true, 2))).toEqual(["done"]);
    hand.executor.outbox.unlinked();
    expect(answers(hand.link(true, 3))).toEqual(["done"]);
    hand.step((t) => hand.executor.outbox.acknowledged("r", t));
    expect(answers(hand.link(true, 4))).toEqual([]);
  });

  test("outbox: repeats a response that is not acknowledged", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    hand.finish("r");
    expect(answers(hand.pass(answerRepeatMs - 1))).toEqual([]);
    expect(answers(hand.pass(1))).toEqual(["done"]);
  });

  test("outbox: a response to a standard peer counts as received if the connection lasts", () => {
    const hand = new InHand();
    hand.link(false);
    hand.command("r");
    hand.finish("r");
    expect(hand.pass(answerRepeatMs).writes).toEqual([
      { type: "markAcknowledged", requestId: "r" },
    ]);
  });

  test("response: a standard peer gets the result as JSON inside the message", () => {
    const hand = new InHand();
    hand.link(false);
    hand.command("r");
    const result = { status: "success", message: "here", result: { a: 1 } } as const;
    const step = hand.step((each) => hand.executor.finished("r", result, each));
    expect(step.effects).toMatchObject([
      { message: { payload: { status: "success", message: 'here\n{"a":1}' } } },
    ]);
  });

  test("response: a result over the message limit is omitted, and the message says so", () => {
    const hand = new InHand();
    hand.link();
    hand.command("r");
    const result = { status: "success", result: "x".repeat(70_000) } as const;
    const step = hand.step((each) => hand.executor.finished("r", result, each));
    expect(answers(step)).toEqual([expect.stringMatching(/^\[result omitted: .*70050 bytes/)]);
  });
});
