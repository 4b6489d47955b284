/** What an answer tells of time: how long its command ran, and how long it has been waiting. */
import { expect, test } from "bun:test";
import type { AgentTransition } from "../../../../lib/agent/core/transition.ts";
import { InHand } from "../../../support/harness/executorInHand.ts";

const times = ({ effects }: AgentTransition) =>
  effects.flatMap((effect) => {
    if (effect.type !== "send") return [];
    const { payload } = effect.message as {
      payload: { execution_ms?: number; response_age_ms?: number };
    };
    return [[payload.execution_ms, payload.response_age_ms]];
  });

test("response: contains how long the command ran, also after a restart of the agent", () => {
  const hand = new InHand();
  hand.link();
  hand.command("r");
  hand.now += 1_500;
  expect(times(hand.finish("r"))).toEqual([[1_500, 0]]);
  hand.now += 700;
  expect(times(hand.command("r"))).toEqual([[1_500, 700]]);
});

test("response: contains its age if it waited for a connection", () => {
  const hand = new InHand();
  hand.command("r");
  hand.now += 1_500;
  hand.finish("r");
  hand.now += 60_000;
  expect(times(hand.link())).toEqual([[1_500, 60_000]]);
});

test("response: the run time of a restart includes the time before the process was replaced", () => {
  const hand = new InHand();
  hand.command("r", "program");
  hand.now += 1_000;
  hand.restart();
  hand.now += 1_000;
  hand.link();
  expect(times(hand.finish("r"))).toEqual([[2_000, 0]]);
});

test("response: contains no times for a command that never started, or for a standard peer", () => {
  const hand = new InHand();
  hand.link();
  expect(times(hand.command("r", "nope"))).toEqual([[undefined, undefined]]);
  const standard = new InHand();
  standard.link(false);
  standard.command("r");
  expect(times(standard.finish("r"))).toEqual([[undefined, undefined]]);
});
