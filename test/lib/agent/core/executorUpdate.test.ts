import { describe, expect, test } from "bun:test";
import type { Update } from "../../../../lib/agent/core/model.ts";
import { answers, InHand, kinds } from "../../../support/harness/executorInHand.ts";

const update: Update = {
  ...{ from: "1.2.3", to: "1.3.0", file: "/staged" },
  ...{ connectMs: 1_000, healthyMs: 1_000 },
};

/** An agent that has staged a version and is about to try it. */
function trying(): InHand {
  const hand = new InHand();
  hand.link();
  hand.command("u", "program");
  const step = hand.step((each) => {
    hand.executor.finished("u", { status: "restart", update }, each);
  });
  expect(step.writes).toMatchObject([{ record: { state: "restarting", update } }]);
  expect(step.effects).toEqual([{ type: "restart", update }]);
  return hand;
}

describe("an update", () => {
  test("is answered by the new version once it is installed", () => {
    const hand = trying();
    hand.restart({ pid: 8, version: "1.3.0" });
    expect(answers(hand.link())).toEqual(["updated from 1.2.3 to 1.3.0"]);
  });

  test("is not answered by the version that is still on trial", () => {
    const hand = trying();
    hand.restart({ pid: 8, version: "1.3.0", isOnTrial: true });
    expect(kinds(hand.link())).toEqual([]);
    hand.restart({ pid: 7, version: "1.3.0" });
    expect(answers(hand.link())[0]).toStartWith("updated");
  });

  test("update: if the trial fails, the old version answers with the reason", () => {
    const hand = trying();
    hand.restart({ pid: 7, version: "1.2.3", trialFault: "it ended by itself" });
    expect(answers(hand.link())).toEqual([
      "rolled back to 1.2.3: 1.3.0 failed its trial: it ended by itself",
    ]);
  });

  test("update: if both processes died, the next process answers", () => {
    const hand = trying();
    hand.restart();
    expect(answers(hand.link())[0]).toEndWith("failed its trial: it was interrupted");
  });
});

test("update: a restart during the trial does not start a second trial", () => {
  const hand = trying();
  hand.restart({ pid: 8, version: "1.3.0", isOnTrial: true });
  hand.link();
  hand.command("r", "restart");
  const step = hand.step((each) => {
    hand.executor.finished("r", { status: "restart" }, each);
  });
  expect(step.effects).toEqual([{ type: "restart" }]);
});
