/** The audit trail of a control plane is a view of its log. */
import { type AuditDetails, type AuditEntry, pruneAction } from "../../protocol/api/audit.ts";
import type { ControlEntry, ControlFact } from "./entries.ts";

/**
 * The maximum number of agents named in one entry. An entry for more agents has their number; each
 * of their requests has its own entry when it is sent later, and when it ends.
 */
const namesMax = 100;

/** Returns undefined for an entry that is not part of the audit trail. */
export function toAuditEntry(sequence: number, entry: ControlEntry): AuditEntry | undefined {
  const details = toDetails(entry);
  return details === undefined ? undefined : { sequence, at: entry.at, ...details };
}

function toDetails(fact: ControlFact): AuditDetails | undefined {
  switch (fact.type) {
    case "job_created":
      return jobCreated(fact);
    case "request_sent": {
      const resource = { request_id: fact.request_id };
      return { action: "request.send", outcome: "started", resource };
    }
    case "request_ended": {
      const { requestId: request_id, jobId: job_id, agentId: agent, outcome, code } = fact.outcome;
      const coded = code === undefined ? {} : { code };
      return { action: "request.end", outcome, resource: { request_id, job_id, agent }, ...coded };
    }
    case "action_recorded":
      return fact.details;
    case "entries_removed": {
      const { through: last_sequence, digest: hash, entries: records, reason } = fact;
      const resource = { last_sequence, hash, records, reason };
      return { action: pruneAction, outcome: "accepted", resource };
    }
    default:
      return undefined;
  }
}

function jobCreated({ job, requests }: ControlFact & { type: "job_created" }): AuditDetails {
  const { jobId: job_id, command, createdBy: actor, requestedBy = {} } = job;
  const { schedule, template, reason } = job;
  const { address, role, parameters } = requestedBy;
  const resource = {
    job_id,
    command,
    ...(parameters === undefined ? {} : { parameters }),
    agents: requests.slice(0, namesMax).map(({ agentId }) => agentId),
    total: requests.length,
    sent: requests.filter(({ sentAt }) => sentAt !== undefined).length,
    ...(schedule === undefined ? {} : { schedule }),
    ...(template === undefined ? {} : { template }),
    ...(reason === undefined ? {} : { reason }),
  };
  const from = {
    ...(job.createdByName === undefined ? {} : { actor_name: job.createdByName }),
    ...(role === undefined ? {} : { role }),
    ...(address === undefined ? {} : { address }),
  };
  return { action: "job.create", outcome: "accepted", actor, ...from, resource };
}
