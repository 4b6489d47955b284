/** The page of the conformance suite: its checks, and the wrong peers that each of them finds. */
import { agentChecks } from "../../lib/conformance/agentSuite.ts";
import { type Check, levels } from "../../lib/conformance/check.ts";
import { controlChecks } from "../../lib/conformance/controlSuite.ts";
import { decisions } from "../../lib/conformance/sources.ts";
import { wrongAgents, wrongControls } from "../../test/support/peers/wrongPeers.ts";
import { code, table } from "../markdown.ts";

type Listed = Pick<Check<never>, "id" | "level" | "title" | "source">;

const decided: ReadonlySet<string> = new Set(Object.values(decisions));

function checksTable(checks: readonly Listed[]): string {
  const rows = checks.map(({ id, level, title, source }) => [
    ...[code(id), level, escaped(title).replaceAll("__", "\\_\\_")],
    `${decided.has(source) ? "decision" : "standard"}: ${escaped(source)}`,
  ]);
  return table(["check", "level", "what the peer does", "asked for by"], rows);
}

/** Sentences from tables have bars, which would end the cell. */
function escaped(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").trim();
}

function faultsTable(faults: Readonly<Record<string, readonly string[]>>): string {
  const rows = Object.entries(faults).map(([fault, ids]) => [
    code(fault),
    [...ids].sort().map(code).join(", "),
  ]);
  return table(["fault", "fails exactly"], rows);
}

function counts(checks: readonly Listed[]): string {
  const parts = levels.map((level) => {
    const count = checks.filter((check) => check.level === level).length;
    return `${count} ${code(level)}`;
  });
  return `${checks.length} checks: ${parts.join(", ")}`;
}

export function conformancePage(): string {
  return `# Checks of the conformance suite

\`npm run reference\` writes this page from \`lib/conformance/\` and \`test/support/peers/wrongPeers.ts\`. The
[guide](../guides/conformance.md) says how to run the suite. A sentence is one of the
[standard](../standard/original.md), or one of the [decisions](../protocol.md#2-decisions).

## Checks of an agent

${counts(agentChecks)}.

${checksTable(agentChecks)}

## Checks of a control plane

${counts(controlChecks)}.

${checksTable(controlChecks)}

## Wrong agents

Each is a right agent with one fault. \`GROUP/*\` stands for every check of a group.

${faultsTable(wrongAgents)}

## Wrong control planes

${faultsTable(wrongControls)}
`;
}
