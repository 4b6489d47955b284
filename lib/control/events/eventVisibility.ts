/** Which events a restricted token sees: those of what the API shows to it. */
import type { AgentScope } from "../core/agents/agentScope.ts";
import type { Engine } from "../engine/engine.ts";
import type { ControlEntry } from "../journal/entries.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";

/** Whether a token sees an entry of the log. */
export type EntryFilter = (entry: ControlEntry) => boolean;

/**
 * Returns the filter of a token, or undefined if it sees everything. Its own jobs and schedules are
 * visible, and the agents of its scope as they are now; entries of other kinds are not.
 */
export function visibleEntries(
  engine: Engine,
  { tokenId }: Pick<StoredToken, "tokenId">,
  scope: AgentScope,
): EntryFilter | undefined {
  if (!scope.isRestricted) return undefined;
  const seesAgent = (agentId: unknown) => {
    const { agents } = engine.core.registry;
    const agent = typeof agentId === "string" ? agents.get(agentId) : undefined;
    return agent !== undefined && scope.sees(agent);
  };
  const ownsSchedule = (name: unknown) =>
    typeof name === "string" &&
    engine.journal.schedules.all().some((each) => {
      return each.spec.name === name && each.createdBy === tokenId;
    });
  return (entry) => {
    switch (entry.type) {
      case "job_created":
        return entry.job.createdBy === tokenId;
      case "request_ended":
        return engine.journal.job(entry.outcome.jobId)?.createdBy === tokenId;
      case "schedule_stored":
        return entry.schedule.createdBy === tokenId;
      case "token_stored":
        return seesAgent(entry.token.agentId);
      case "action_recorded":
        return seesAgent(entry.details.resource?.agent);
      case "event_recorded":
        return seesAgent(entry.data.agent_id) || ownsSchedule(entry.data.schedule);
      default:
        return false;
    }
  };
}
