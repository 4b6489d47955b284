/** The commands of `wsctl agents show`, and what the host requires for them. */
import { escapeControls } from "../../lib/escapeControls.ts";
import type { AgentDetail, Capability } from "../../lib/protocol/api/views.ts";
import { table } from "../output/table.ts";

/** Returns a table of the commands, and one of the rules if the agent announces any. */
export function formatCommands({ commands }: AgentDetail): string[] {
  if (commands === undefined || commands.length === 0) return [];
  const rows = commands.map(({ name, description = "-" }) => [name, description]);
  const rules = commands.flatMap((each) => formatRules(each).map((rule) => [each.name, rule]));
  return [
    table(["COMMAND", "WHAT IT DOES"], rows),
    ...(rules.length === 0 ? [] : [table(["COMMAND", "RULE OF THE HOST"], rules)]),
  ];
}

function formatRules({ allowed, signatures }: Capability): string[] {
  return [
    ...(allowed ?? []).map((pattern) => `allows ${escapeControls(pattern)}`),
    ...(signatures === undefined ? [] : [formatSignatures(signatures)]),
  ];
}

function formatSignatures({ count, keys }: NonNullable<Capability["signatures"]>): string {
  if (keys.length === 0) return "refused: the host requires a signature, and trusts no key for it";
  const names = keys.map(escapeControls).join(", ");
  return keys.length === 1
    ? `signed by the key ${names}`
    : `signed by ${count} of the keys ${names}`;
}
