/** Finds changes of agents, for output without a terminal: one line per change. */
import type { AgentView } from "../../lib/protocol/api/views.ts";
import { formatState } from "./state.ts";

export interface Change {
  at: string;
  agent: string;
  /** The state of the agent, if it has changed. */
  state?: string;
  outcome?: string;
  code?: string;
}

/** Compares two lists of agents; in the first list every agent is a change. */
export function changesBetween(
  before: ReadonlyMap<string, AgentView>,
  now: readonly AgentView[],
  at: string,
): Change[] {
  const changes: Change[] = [];
  for (const agent of now) {
    const known = before.get(agent.agent_id);
    const state = formatState(agent);
    if (known === undefined || formatState(known) !== state) {
      changes.push({ at, agent: agent.agent_id, state });
    }
    const { last_outcome: last } = agent;
    if (last === undefined || known === undefined || known.last_outcome?.at === last.at) continue;
    const { outcome, code } = last;
    changes.push({ at: last.at, agent: agent.agent_id, outcome, ...(code ? { code } : {}) });
  }
  const left = new Set(now.map(({ agent_id }) => agent_id));
  for (const agent of before.keys()) {
    if (!left.has(agent)) changes.push({ at, agent, state: "deleted" });
  }
  return changes;
}
