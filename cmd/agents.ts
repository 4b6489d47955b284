import { defineCommand } from "citty";
import type { AgentView } from "../lib/protocol/api/views.ts";
import { formatLabels, formatState } from "./agents/formatAgent.ts";
import { type ClientFlags, clientArgs, targetQueryArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import type { CommandData } from "./cli/strictArgs.ts";
import { createClient } from "./flags/controlPlane.ts";
import {
  type Column,
  type FormatFlags,
  formatArgs,
  parseFormat,
  printList,
} from "./output/format.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";

const list = defineCommand({
  meta: {
    name: "list",
    description: "List agents",
    examples: ["wsctl agents list --format csv > inventory.csv"],
  },
  args: {
    ...clientArgs,
    ...targetQueryArgs,
    ...formatArgs,
  },
  run: ({ args }) => listRun(args),
});

const agentArgs = {
  id: {
    type: "positional",
    required: true,
    valueHint: "AGENT",
    description: "agent ID",
  },
  ...clientArgs,
} as const;

const show = defineCommand({
  meta: { name: "show", description: "Show one agent", examples: ["wsctl agents show web-1"] },
  args: agentArgs,
  run: ({ args }) => showRun(args),
});

const approve = defineCommand({
  meta: {
    name: "approve",
    description: "Approve an agent that is waiting to join",
    examples: ["wsctl agents approve web-1"],
  },
  args: agentArgs,
  run: ({ args }) => approveRun(args),
});

const revoke = defineCommand({
  meta: {
    name: "revoke",
    description: "Revoke an agent's credentials and cancel its queued requests",
    examples: ["wsctl agents revoke web-1"],
  },
  args: agentArgs,
  run: ({ args }) => revokeRun(args),
});

const label = defineCommand({
  meta: {
    name: "label",
    description: "Set or remove labels of agents",
    examples: [
      "wsctl agents label web-1 env=prod canary-",
      'wsctl agents label "web-1,db-*" tier=gold',
      "wsctl agents label --target 'role=web,env=test' tier=bronze",
      "wsctl agents label --from inventory.csv",
    ],
  },
  args: {
    id: {
      ...agentArgs.id,
      required: false,
      valueHint: "AGENT[,AGENT…]",
      description: 'agent IDs, separated by commas; * and ? are wildcards: "web-*"',
    },
    ...clientArgs,
    target: {
      type: "string",
      valueHint: "SELECTOR",
      description: "all agents that a selector matches, in place of their IDs",
    },
    from: {
      type: "string",
      valueHint: "FILE",
      description: "CSV with the columns agent and one for each label; - removes a label",
    },
    labels: {
      type: "positional",
      required: false,
      valueHint: "KEY=VALUE|KEY-…",
      description: "KEY=VALUE sets a label, KEY- removes it",
    },
  },
  run: async ({ args, data }) => {
    const { labelRun } = await import("./agents/labelAgents.ts");
    return labelRun(args, (data as CommandData).lists.labels ?? []);
  },
});

const drain = defineCommand({
  meta: {
    name: "drain",
    description: "Stop giving an agent new jobs; queued requests continue",
    examples: ["wsctl agents drain web-1"],
  },
  args: agentArgs,
  run: ({ args }) => drainRun(args, true),
});

const undrain = defineCommand({
  meta: {
    name: "undrain",
    description: "Give a drained agent new jobs again",
    examples: ["wsctl agents undrain web-1"],
  },
  args: agentArgs,
  run: ({ args }) => drainRun(args, false),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete an offline agent: its record, its tokens and its queued requests",
    examples: ["wsctl agents delete web-1"],
  },
  args: agentArgs,
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "agents", description: "List, approve, label, drain and revoke agents" },
  default: "list",
  subCommands: {
    ...{ list, show, label, drain, undrain },
    move: () => import("./agents/moveAgents.ts").then((module) => module.move),
    ...{ approve, revoke, delete: remove },
  },
});

export interface AgentsOptions extends ClientFlags {
  json?: boolean | undefined;
}

export async function listRun(
  options: AgentsOptions & FormatFlags & { target?: string | undefined },
): Promise<number> {
  parseFormat(options);
  const { target: selector } = options;
  const which = selector === undefined ? {} : { selector };
  const agents = await (await createClient(options)).agents(which);
  const isForPerson = !options.json && (options.format ?? "table") === "table";
  if (agents.length === 0 && isForPerson && selector !== undefined) remark("No agent matches.");
  else if (agents.length === 0 && isForPerson) {
    remark('No agents, or none that this token may see. Start one with "wsctl agent".');
  } else await printList(agents, columns, options);
  return exitOk;
}

export async function showRun(options: AgentsOptions & { id: string }): Promise<number> {
  const agent = await (await createClient(options)).agent(options.id);
  if (options.json) printJson(agent);
  else {
    const { formatDetail } = await import("./agents/formatDetail.ts");
    print(formatDetail(agent));
  }
  return exitOk;
}

export async function approveRun(options: AgentsOptions & { id: string }): Promise<number> {
  await (await createClient(options)).approveAgent(options.id);
  if (options.json) printJson({ agent_id: options.id, approved: true });
  else print(`approved ${options.id}`);
  return exitOk;
}

export async function revokeRun(options: AgentsOptions & { id: string }): Promise<number> {
  const count = await (await createClient(options)).revokeAgent(options.id);
  if (options.json) printJson({ agent_id: options.id, revoked_tokens: count });
  else print(`revoked ${options.id} (${quantity(count, "token")})`);
  return exitOk;
}

async function drainRun(
  options: AgentsOptions & { id: string },
  drained: boolean,
): Promise<number> {
  const agent = await (await createClient(options)).drainAgent(options.id, drained);
  if (options.json) printJson(agent);
  else if (drained)
    print(`drained ${options.id}: ${quantity(agent.open_requests, "request")} still open`);
  else print(`undrained ${options.id}`);
  return exitOk;
}

async function deleteRun(options: AgentsOptions & { id: string }): Promise<number> {
  await (await createClient(options)).deleteAgent(options.id);
  if (options.json) printJson({ agent_id: options.id, deleted: true });
  else print(`deleted ${options.id}`);
  return exitOk;
}

/** Lists the commands that the agent announced. */
const columns: Column<AgentView>[] = [
  { name: "agent", value: ({ agent_id }) => agent_id },
  { name: "state", value: formatState },
  { name: "cpu", value: ({ cpu_usage }) => cpu_usage },
  { name: "memory", value: ({ memory_usage }) => memory_usage },
  { name: "version", value: ({ version }) => version },
  { name: "open", value: ({ open_requests }) => open_requests },
  { name: "last_seen", value: ({ last_seen_at }) => last_seen_at ?? "never" },
  { name: "hostname", value: ({ hostname }) => hostname, isWide: true },
  { name: "os", value: ({ os }) => os, isWide: true },
  { name: "arch", value: ({ arch }) => arch, isWide: true },
  { name: "address", value: ({ address }) => address, isWide: true },
  { name: "protocol", value: ({ protocol }) => protocol, isWide: true },
  { name: "labels", value: formatLabels, isWide: true },
];
