/** The flags of `serve` for what a person must decide or say. */
import type { ArgsDef } from "citty";
import * as v from "valibot";
import { CommandName } from "../../lib/protocol/names.ts";
import { usage } from "../cli/strictArgs.ts";

export const approvalArgs = {
  "require-approval-for": {
    type: "string",
    valueHint: "COMMANDS",
    description: "commands that a second operator must approve, such as update,exec",
  },
  "require-reason": {
    type: "string",
    valueHint: "COMMANDS",
    description: "commands that need --reason, such as restart,exec; * for all",
  },
  "approve-agents": {
    type: "boolean",
    description: "hold joining agents until wsctl agents approve accepts them",
  },
} as const satisfies ArgsDef;

export interface ApprovalFlags {
  "approve-agents"?: boolean | undefined;
  "require-approval-for"?: string | undefined;
  "require-reason"?: string | undefined;
}

/** @throws {WsctlError} USAGE with a name that is none */
export function parseApproval(flags: ApprovalFlags) {
  return {
    approveAgents: flags["approve-agents"] ?? false,
    approvalCommands: parseCommands("require-approval-for", flags["require-approval-for"]),
    reasonCommands: parseCommands("require-reason", flags["require-reason"]),
  };
}

/** A misspelled command would not be held, so at least the form of the names is checked. */
function parseCommands(flag: string, text: string | undefined): Set<string> {
  const names = text?.split(",").map((name) => name.trim()) ?? [];
  const wrong = names.find((name) => !v.is(CommandName, name) || /\s/.test(name));
  if (wrong === undefined) return new Set(names);
  throw usage(`Flag --${flag} is "${text}": expected names of commands, separated by commas`);
}
