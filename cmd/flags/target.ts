/** The flags of a target, and the confirmation of a large number of agents. */
import type { ArgsDef } from "citty";
import * as v from "valibot";
import {
  agentsMax,
  type SkippedAgent,
  Target,
  type TargetView,
} from "../../lib/protocol/api/target.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { hasWildcard } from "../../lib/protocol/wildcard.ts";
import { exitInterrupted } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal } from "../cli/terminal.ts";
import { quantity } from "../output/quantity.ts";
import { print, printJson, remark } from "../output/stdio.ts";
import { table } from "../output/table.ts";
import { parseAgentId, parseShare, wholeNumber } from "./values.ts";

export const targetArgs = {
  agent: {
    type: "string",
    valueHint: "ID[,ID…]",
    description: 'agent IDs, separated by commas; * and ? are wildcards: "web-*"',
  },
  target: {
    type: "string",
    valueHint: "SELECTOR",
    description: 'selector of labels and agent attributes: "env=prod,role in (web,api),!canary"',
  },
  all: {
    type: "boolean",
    description: "all agents, including offline ones",
  },
  sample: {
    type: "string",
    valueHint: "N|P%",
    description: "random sample of the selected agents",
  },
  seed: {
    type: "string",
    valueHint: "TEXT",
    description: "seed of the sample; the same seed selects the same agents",
  },
  "require-online": {
    type: "boolean",
    description: "skip offline agents",
  },
} as const satisfies ArgsDef;

export const confirmArgs = {
  yes: { type: "boolean", description: "do not ask for confirmation" },
  "confirm-above": {
    type: "string",
    default: "20",
    valueHint: "N",
    description: "ask for confirmation above this number of agents",
  },
} as const satisfies ArgsDef;

/** The number of skipped agents that are named for each reason. */
const skippedShown = 10;

export interface TargetFlags {
  agent?: string | undefined;
  target?: string | undefined;
  all?: boolean | undefined;
  sample?: string | undefined;
  seed?: string | undefined;
  "require-online"?: boolean | undefined;
}

export interface ConfirmFlags {
  yes?: boolean | undefined;
  "confirm-above": string;
}

/** @throws {WsctlError} USAGE with the invalid or missing flag. */
export function parseTarget(flags: TargetFlags): Target {
  const { agent, target: selector, all, sample, seed } = flags;
  if (all && (agent !== undefined || selector !== undefined)) {
    const other = agent === undefined ? "--target" : "--agent";
    throw usage(`Flags ${other} and --all cannot be combined: specify one of them`);
  }
  if (!all && agent === undefined && selector === undefined) {
    throw usage("No target: specify --agent, --target or --all");
  }
  const target: Target = {
    ...(all ? { all } : {}),
    ...(agent === undefined
      ? {}
      : { agents: agent.split(",").map((id) => expandNames(id.trim())) }),
    ...(selector === undefined ? {} : { selector }),
    ...(sample === undefined ? {} : { sample: parseShare("sample", sample, 1) }),
    ...(seed === undefined ? {} : { seed }),
  };
  const checked = v.safeParse(Target, target);
  if (checked.success) return checked.output;
  throw usage(`Invalid target: ${formatIssue(checked.issues[0])}`);
}

function expandNames(text: string): string {
  return hasWildcard(text) ? text : parseAgentId("agent", text);
}

/** The number of agents above which a job needs confirmation; undefined with `--yes`. */
export function confirmedMax(flags: ConfirmFlags): number | undefined {
  if (flags.yes) return undefined;
  return wholeNumber("confirm-above", flags["confirm-above"], 1, agentsMax);
}

export function isTooManyAgents(error: unknown): error is WsctlError {
  return error instanceof WsctlError && error.code === "TOO_MANY_AGENTS";
}

/**
 * Asks at the terminal to confirm a job that was rejected for its number of agents. Returns the
 * confirmed number of agents.
 * @throws {WsctlError} USAGE without a terminal, TOO_MANY_AGENTS if the user declines.
 */
export async function confirmLargeTarget(
  refusal: WsctlError,
  command: string,
  look: () => Promise<Pick<TargetView, "agents">>,
): Promise<number> {
  if (!isTerminal("stdin") || !isTerminal("stderr")) throw tooMany(refusal.message);
  const { agents } = await look();
  await requireYes(command, agents);
  return agents.length;
}

/** Asks for confirmation of a job that is created later, such as that of a schedule. */
export async function requireConfirmation(
  flags: ConfirmFlags,
  what: string,
  { agents }: Pick<TargetView, "agents">,
): Promise<void> {
  const most = confirmedMax(flags);
  if (most === undefined || agents.length <= most) return;
  if (!isTerminal("stdin") || !isTerminal("stderr"))
    throw tooMany(
      `Target selects ${quantity(agents.length, "agent")}, more than --confirm-above ${most}`,
    );
  await requireYes(what, agents);
}

function tooMany(text: string): WsctlError {
  return usage(`${text}: add --yes to confirm; --dry-run lists them`);
}

async function requireYes(what: string, agents: TargetView["agents"]): Promise<void> {
  if (
    await isConfirmed(
      `Send ${what} to ${quantity(agents.length, "agent")} (${formatSome(agents)})?`,
    )
  )
    return;
  throw new WsctlError("TOO_MANY_AGENTS", "Nothing was sent");
}

/** Prints the selected and the skipped agents of `--dry-run`. */
export function printTarget(view: TargetView, json: boolean): void {
  if (json) return printJson(view);
  const rows = view.agents.map(({ agent_id, online }) => [agent_id, online ? "online" : "offline"]);
  print(table(["AGENT", "STATE"], rows));
  const { skipped, seed } = view;
  remarkOnSkipped(skipped);
  const by = seed === undefined ? "" : ` (--seed ${seed})`;
  const count = quantity(view.agents.length, "agent");
  remark(`${count} selected${by}; nothing was sent`);
}

/**
 * Names the agents that a job skips, without those that are offline: the operator asked to skip
 * these.
 */
export function remarkOnLeftOut(skipped: readonly SkippedAgent[] = []): void {
  remarkOnSkipped(skipped.filter(({ reason }) => reason !== "offline"));
}

/** Names the selected agents that get no request, one line for each reason. */
function remarkOnSkipped(skipped: readonly SkippedAgent[]): void {
  for (const [reason, agents] of Map.groupBy(skipped, (agent) => agent.reason)) {
    const names = agents.slice(0, skippedShown).map(({ agent_id }) => agent_id);
    const more = agents.length > names.length ? ` and ${agents.length - names.length} more` : "";
    remark(`Skipped (${reason}): ${names.join(", ")}${more}`);
  }
}

function formatSome(agents: TargetView["agents"]): string {
  const names = agents.slice(0, 3).map(({ agent_id }) => agent_id);
  return agents.length > names.length ? `${names.join(", ")}, …` : names.join(", ");
}

async function isConfirmed(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `).catch(() => undefined);
    if (answer !== undefined) return /^y(es)?$/i.test(answer.trim());
    // The user pressed Ctrl-C, or the input has ended.
    remark("\nNothing was sent");
    process.exit(exitInterrupted);
  } finally {
    terminal.close();
  }
}
