/** Which agents a target selects at the moment, and which commands they offer. */
import { useRef } from "preact/hooks";
import type { JobRequestInput } from "../../../../protocol/api/jobs.ts";
import type { TargetView } from "../../../../protocol/api/target.ts";
import type { AgentDetail } from "../../../../protocol/api/views.ts";
import { get, query } from "./api.ts";
import { type Live, useLive } from "./live.ts";

const agentsAsked = 5;

/** The agents that the target selects at the moment. */
export function usePreview(
  target: JobRequestInput["target"] | undefined,
  isOnline = false,
): Live<TargetView | undefined> {
  const body = { target, require_online: isOnline };
  const key = `target ${JSON.stringify(body)}`;
  return useLive<TargetView | undefined>(
    key,
    async (signal) => {
      if (target === undefined) return undefined;
      return query<TargetView>("api/v1/targets", body, signal);
    },
    { everyMs: 4_000 },
  );
}

/** The commands of the first agents that are online; undefined before they are read. */
export function useCommands(agents: TargetView["agents"] | undefined) {
  const asked = (agents ?? []).filter(({ online }) => online).slice(0, agentsAsked);
  const ids = asked.map(({ agent_id }) => agent_id);
  const { data } = useLive(
    `commands ${ids.join(",")}`,
    async (signal) => {
      const details = await Promise.all(
        ids.map((id) => get<AgentDetail>(`api/v1/agents/${encodeURIComponent(id)}`, signal)),
      );
      const all = details.flatMap(({ commands = [] }) => commands);
      const byName = new Map(all.map((command) => [command.name, command]));
      return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    { everyMs: 15_000 },
  );
  // A form stays as it is, with its uploads, while other agents of the target are asked.
  const last = useRef<typeof data>(undefined);
  if (agents !== undefined && data !== undefined) last.current = data;
  return agents === undefined ? last.current : (data ?? last.current);
}
