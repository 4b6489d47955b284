/** What agents return tells a control plane whether it is the newest, and no agent can make it up. */
import { describe, expect, test } from "bun:test";
import type { ControlJournal } from "../../../../../lib/control/journal/journal.ts";
import { ControlLineage } from "../../../../../lib/control/journal/lineage/controlLineage.ts";

/** A control plane whose log has so many entries. */
function lineage({ key = "00".repeat(32), restoredAt = 0, sequence = 10 } = {}): ControlLineage {
  const stored = { key, restoredAt, supersededBy: undefined };
  const journal = { lineage: { get: () => stored }, recorder: { log: { sequence } } };
  return new ControlLineage(journal as unknown as ControlJournal);
}

describe("a control plane", () => {
  const own = lineage();

  test("knows what it said itself, and what one said that was restored before", () => {
    expect(own.judge(own.issue())).toEqual({ kind: "known" });
    expect(own.judge(lineage({ sequence: 3 }).issue())).toEqual({ kind: "known" });
    const restored = lineage({ restoredAt: 5, sequence: 4 });
    expect(restored.judge(own.issue())).toEqual({ kind: "known" });
  });

  test("is superseded by one that was restored later, whatever the lengths of their logs", () => {
    const restored = lineage({ restoredAt: 5, sequence: 4 });
    expect(own.judge(restored.issue())).toEqual({ kind: "superseded", restoredAt: 5 });
  });

  test("was set back if it said more before", () => {
    const whole = lineage({ sequence: 11 });
    expect(own.judge(whole.issue())).toEqual({ kind: "set_back", sequence: 11 });
  });

  test("believes nothing that was not signed with its key", () => {
    const [, , signature] = own.issue().split(".");
    const foreign = lineage({ key: "11".repeat(32), restoredAt: 5 }).issue();
    for (const text of [
      ...["", "x", "..", "0.10", `5.10.${signature}`, `0.11.${signature}`, `00.10.${signature}`],
      ...[`0.10.${"A".repeat(43)}`, `0.10.${signature}=`, foreign, `9e9.1.${signature}`],
    ]) {
      expect([text, own.judge(text)]).toEqual([text, { kind: "foreign" }]);
    }
  });
});
