/** The columns of the list of agents. */
import type { AgentView } from "../../../../protocol/api/views.ts";
import { AgentLink, Badge, Labels, Time } from "../parts/badge.tsx";
import { agentState, visible } from "../state/format.ts";
import type { Column } from "./table.tsx";

export const agentColumns: readonly Column<AgentView>[] = [
  {
    id: "agent",
    label: "Agent",
    width: "minmax(7rem, 2fr)",
    sortBy: ({ agent_id }) => agent_id,
    render: ({ agent_id }) => <AgentLink id={agent_id} />,
  },
  {
    id: "state",
    label: "State",
    width: "minmax(6.5rem, 1fr)",
    sortBy: (agent) => agentState(agent).text,
    render: (agent) => <Badge {...agentState(agent)} />,
  },
  {
    id: "version",
    label: "Version",
    width: "minmax(4rem, 5rem)",
    isWide: true,
    sortBy: ({ version = "" }) => version,
    render: ({ version }) => visible(version ?? ""),
  },
  {
    id: "labels",
    label: "Labels",
    width: "minmax(8rem, 4fr)",
    isWide: true,
    render: ({ labels }) => <Labels labels={labels} />,
  },
  {
    id: "system",
    label: "System",
    width: "minmax(5rem, 7rem)",
    isWide: true,
    sortBy: ({ os = "", arch = "" }) => `${os} ${arch}`,
    render: ({ os = "", arch = "" }) => visible(`${os} ${arch}`),
  },
  {
    id: "cpu",
    label: "CPU",
    width: "4.5rem",
    isWide: true,
    sortBy: ({ cpu_usage = "" }) => Number.parseFloat(cpu_usage) || 0,
    render: ({ cpu_usage }) => visible(cpu_usage ?? ""),
  },
  {
    id: "memory",
    label: "Memory",
    width: "5rem",
    isWide: true,
    render: ({ memory_usage }) => visible(memory_usage ?? ""),
  },
  {
    id: "open",
    label: "Open",
    width: "3rem",
    isWide: true,
    sortBy: ({ open_requests }) => open_requests,
    render: ({ open_requests }) => open_requests,
  },
  {
    id: "seen",
    label: "Last seen",
    width: "5.5rem",
    isWide: true,
    sortBy: ({ last_seen_at = "" }) => last_seen_at,
    render: ({ last_seen_at }) => <Time at={last_seen_at} />,
  },
];
