/** The labels and the state of an agent, for people. */
import type { AgentView } from "../../lib/protocol/api/views.ts";

export function formatLabels({ labels = {} }: AgentView): string | undefined {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? undefined : pairs.join(",");
}

export function formatState(agent: AgentView): string {
  const more = agent.drained ? ", drained" : "";
  if (agent.online) return `online${more}`;
  if (agent.access === "active") return `offline${more}`;
  const why = agent.access === "pending" ? "pending approval" : `blocked (${agent.access})`;
  return `offline, ${why}${more}`;
}
