import { describe, expect, test } from "bun:test";
import { assertSignatures } from "../../../../lib/control/jobs/requiredSignatures.ts";
import type { SignedScheduleRequest } from "../../../../lib/protocol/api/schedules.ts";
import type { Capability } from "../../../../lib/protocol/api/views.ts";

const [alice, bob] = ["a".repeat(16), "b".repeat(16)];
const rules: Record<string, Capability["signatures"]> = {
  one: { count: 1, keys: [alice, bob] },
  two: { count: 2, keys: [alice, bob] },
  none: { count: 1, keys: [] },
  open: undefined,
};
const find = (agent: string) => {
  if (agent === "unknown") return undefined;
  const signatures = rules[agent];
  return new Map([["ping", { name: "ping", ...(signatures ? { signatures } : {}) }]]);
};

function signedBy(agent: string, ...keys: string[]): SignedScheduleRequest {
  const signatures = keys.map((key) => ({ key, signature: "A".repeat(86) }));
  return {
    schedule_id: "01a22996-5651-769b-8b4d-c561d40a425a",
    not_before: "2026-01-01T00:00:00.000Z",
    not_after: "2026-01-02T00:00:00.000Z",
    max_runs: 1,
    agents: [{ agent, signatures }],
  };
}

describe("the signatures that agents have announced", () => {
  const check = (agent: string, signed?: SignedScheduleRequest, force = false) =>
    assertSignatures({ command: "ping", force }, ["open", agent], signed, find);

  test("suffice if enough of the keys have signed for the agent", () => {
    expect(() => check("one", signedBy("one", bob))).not.toThrow();
    expect(() => check("two", signedBy("two", bob, alice))).not.toThrow();
  });

  test.each([
    ["one", undefined, /agent "one" requires signed commands: 1 of its keys .* 0 did/],
    ["one", signedBy("one", "c".repeat(16)), /1 of its keys a{16}, b{16} must sign "ping"/],
    ["one", signedBy("two", alice), /and 0 did. Add --sign KEY/],
    ["two", signedBy("two", alice, alice), /2 of its keys .* and 1 did/],
    ["none", signedBy("none", alice), /trusts no key for "ping"/],
  ])("are too few for %s", (agent, signed, says) => {
    expect(() => check(agent, signed)).toThrow(says);
    expect(() => check(agent, signed, true)).not.toThrow();
  });

  test("are not asked for by an agent without a rule, or one that has announced nothing", () => {
    expect(() => check("unknown")).not.toThrow();
    expect(() => check("open")).not.toThrow();
  });
});
