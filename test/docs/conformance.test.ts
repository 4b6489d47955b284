/** Each check of the conformance suite is tied to a sentence, and has a name of its own. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { agentChecks } from "../../lib/conformance/agentSuite.ts";
import { controlChecks } from "../../lib/conformance/controlSuite.ts";
import { decisions, standard } from "../../lib/conformance/sources.ts";
import { root } from "../support/fixtures/sources.ts";

/** Lines break anywhere, and tables are aligned by spaces that mean nothing. */
const read = (path: string) => readFileSync(join(root, path), "utf8").replaceAll(/\s+/g, " ");

describe("the sentences of the conformance suite", () => {
  test.each(Object.entries(standard))("of the standard: %s", (_name, sentence) => {
    expect(read("docs/standard/original.md")).toContain(sentence);
  });

  test.each(Object.entries(decisions))("of the decisions: %s", (_name, sentence) => {
    expect(read("docs/protocol.md")).toContain(sentence);
  });
});

describe.each([
  ["agents", agentChecks],
  ["control planes", controlChecks],
] as const)("the checks of %s", (_what, checks) => {
  test("are at least 120, each with a name of its own", () => {
    const ids = checks.map(({ id }) => id);
    expect(ids.length).toBeGreaterThanOrEqual(120);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z_]+\/[a-z0-9-]+$/.test(id))).toEqual([]);
  });

  test("name a sentence each", () => {
    const known: string[] = [...Object.values(standard), ...Object.values(decisions)];
    expect(checks.filter(({ source }) => !known.includes(source)).map(({ id }) => id)).toEqual([]);
  });
});
