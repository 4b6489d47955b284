import { defineCommand } from "citty";
import type { AgentDetail, AgentView } from "../lib/protocol/api.ts";
import { formatMemoryUsage } from "../lib/protocol/figures.ts";
import { type ClientFlags, clientArgs, clientOf } from "./_common.ts";
import { exitOk } from "./_exit.ts";
import { print, printJson, remark, table } from "./_output.ts";

const list = defineCommand({
  meta: { name: "list", description: "List the known agents" },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const show = defineCommand({
  meta: { name: "show", description: "Show one agent" },
  args: {
    id: {
      type: "positional",
      required: true,
      valueHint: "AGENT",
      description: "the agent's id",
    },
    ...clientArgs,
  },
  run: ({ args }) => showRun(args),
});

export default defineCommand({
  meta: { name: "agents", description: "See the agents" },
  default: "list",
  subCommands: { list, show },
});

export interface AgentsOptions extends ClientFlags {
  json?: boolean | undefined;
}

export async function listRun(options: AgentsOptions): Promise<number> {
  const agents = await (await clientOf(options)).agents();
  if (options.json) agents.forEach(printJson);
  else if (agents.length === 0) remark('No agents yet: start one with "wsctl agent".');
  else {
    const headings = ["AGENT", "STATE", "CPU", "MEMORY", "VERSION", "OPEN", "LAST SEEN"];
    print(table(headings, agents.map(row)));
  }
  return exitOk;
}

export async function showRun(options: AgentsOptions & { id: string }): Promise<number> {
  const agent = await (await clientOf(options)).agent(options.id);
  if (options.json) printJson(agent);
  else print([detail(agent), ...commandsOf(agent)].join("\n\n"));
  return exitOk;
}

/** What it has said that it can do; `wsctl send COMMAND --help --agent ID` tells more of each. */
function commandsOf({ commands }: AgentDetail): string[] {
  if (commands === undefined || commands.length === 0) return [];
  const rows = commands.map(({ name, description = "-" }) => [name, description]);
  return [table(["COMMAND", "WHAT IT DOES"], rows)];
}

function row(agent: AgentView): string[] {
  return [
    agent.agent_id,
    stateOf(agent),
    agent.cpu_usage ?? "-",
    agent.memory_usage ?? "-",
    agent.version ?? "-",
    String(agent.open_requests),
    agent.last_seen_at ?? "never",
  ];
}

function stateOf(agent: AgentView): string {
  return agent.online ? "online" : "away";
}

function detail(agent: AgentDetail): string {
  const lines = [
    ["agent", agent.agent_id],
    ["state", stateOf(agent)],
    ["protocol", agent.protocol],
    ["version", agent.version],
    ["host", agent.hostname],
    ["system", agent.os === undefined ? undefined : `${agent.os} ${agent.arch ?? ""}`],
    ["address", agent.address],
    ["connected", agent.connected_at],
    ["last seen", agent.last_seen_at],
    ["open requests", String(agent.open_requests)],
    ...agent.status_history.map((sample) => [
      "status",
      `${sample.at}  cpu ${sample.cpu_percent}%  memory ${formatMemoryUsage(sample.memory_bytes)}`,
    ]),
  ].filter((line): line is [string, string] => line[1] !== undefined);
  return table(["FIELD", "VALUE"], lines);
}
