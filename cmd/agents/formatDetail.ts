/** What `wsctl agents show` prints. */
import type { AgentDetail, Series } from "../../lib/protocol/api/views.ts";
import { formatMemoryUsage } from "../../lib/protocol/wire/usageText.ts";
import { formatSpan, meanAndMax, sparkline } from "../output/sparkline.ts";
import { table } from "../output/table.ts";
import { formatLabels, formatState } from "./formatAgent.ts";
import { formatCommands } from "./formatCommands.ts";

const sparkCells = 32;

/** Returns the facts of one agent, its metrics and its commands. */
export function formatDetail(agent: AgentDetail): string {
  return [formatFacts(agent), ...formatCommands(agent)].join("\n\n");
}

function formatFacts(agent: AgentDetail): string {
  const lines = [
    ["agent", agent.agent_id],
    ["state", formatState(agent)],
    ["protocol", agent.protocol],
    ["version", agent.version],
    ["host", agent.hostname],
    ["system", agent.os === undefined ? undefined : `${agent.os} ${agent.arch ?? ""}`],
    ["address", agent.address],
    ["labels", formatLabels(agent)],
    ["connected", agent.connected_at],
    ["last seen", agent.last_seen_at],
    ["open requests", String(agent.open_requests)],
    ["taken over", formatReplaced(agent)],
    ...metricsLines(agent.metrics.day),
    ...metricsLines(agent.metrics.month),
  ].filter((line): line is [string, string] => line[1] !== undefined);
  return table(["FIELD", "VALUE"], lines);
}

/** Shows the mean, the maximum and a sparkline. */
function metricsLines(series: Series): [string, string][] {
  const cpu = meanAndMax(series.cpu_percent);
  const memory = meanAndMax(series.memory_bytes);
  if (cpu === undefined || memory === undefined) return [];
  const span = formatSpan(series);
  const busy = sparkline(series.cpu_percent, sparkCells, Math.max(100, cpu.most));
  const used = sparkline(series.memory_bytes, sparkCells, memory.most);
  const metrics = (mean: string, most: string) => `mean ${mean}, most ${most}`;
  const bytes = (value: number) => formatMemoryUsage(value);
  return [
    [`cpu ${span}`, `${busy}  ${metrics(`${Math.round(cpu.mean)}%`, `${Math.round(cpu.most)}%`)}`],
    [`memory ${span}`, `${used}  ${metrics(bytes(memory.mean), bytes(memory.most))}`],
  ];
}

function formatReplaced({ replaced_at: at, duplicate_location }: AgentDetail): string | undefined {
  if (at === undefined) return undefined;
  if (duplicate_location !== undefined)
    return `${at}, by a duplicate on ${duplicate_location}: stop one of them`;
  return `${at}, by another process with its ID: a restart after a broken connection, or a duplicate`;
}
