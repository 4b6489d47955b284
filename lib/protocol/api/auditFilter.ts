/** Which entries of the audit trail are wanted. */
import type { AuditEntry } from "./audit.ts";

export interface AuditFilter {
  /** Entries from this time on, in ISO 8601 and UTC. */
  since?: string;
  /** Entries before this time, in ISO 8601 and UTC. */
  until?: string;
  /** The id or the name of the token or key, or the console user, that acted. */
  by?: string;
  /** The agent that the entry is about. */
  agent?: string;
  /** The action; with a `*` at its end, all that begin so, such as `token.*`. */
  action?: string;
  /** The command of a job or request. */
  command?: string;
}

export function matchesAudit(entry: AuditEntry, filter: AuditFilter): boolean {
  const { since, until, by, agent, action, command } = filter;
  const { resource = {} } = entry;
  if (since !== undefined && entry.at < since) return false;
  if (until !== undefined && entry.at >= until) return false;
  if (by !== undefined && entry.actor !== by && entry.actor_name !== by) return false;
  if (command !== undefined && resource.command !== command) return false;
  if (action !== undefined && !matchesAction(entry.action, action)) return false;
  return agent === undefined || isAbout(resource, agent);
}

function matchesAction(action: string, wanted: string): boolean {
  return wanted.endsWith("*") ? action.startsWith(wanted.slice(0, -1)) : action === wanted;
}

function isAbout({ agent, agent_id, agents }: NonNullable<AuditEntry["resource"]>, id: string) {
  return agent === id || agent_id === id || (Array.isArray(agents) && agents.includes(id));
}
