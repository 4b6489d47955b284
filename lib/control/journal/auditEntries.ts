/** Builds the audit entries of the core's writes, which are committed in the same transaction. */
import type { AuditTrailEntry } from "../../store/auditTrail.ts";
import type { ControlWrite } from "../core/model.ts";

/**
 * The maximum number of agents named in one entry. An entry for more agents has their number; each
 * of their requests has its own entry.
 */
const namesMax = 100;

/** Returns no entry for writes that no client caused. */
export function buildAuditEntries(write: ControlWrite): AuditTrailEntry[] {
  switch (write.type) {
    case "putJob":
      return [jobCreated(write), ...write.requests.flatMap((request) => requestSent(request))];
    case "markSent":
      return requestSent(write);
    case "putOutcome": {
      const { requestId, jobId, agentId: agent, outcome, code, endedAt: at } = write.outcome;
      const resource = { request_id: requestId, job_id: jobId, agent };
      const coded = code === undefined ? {} : { code };
      return [{ at, details: { action: "request.end", outcome, resource, ...coded } }];
    }
    case "appendAudit":
      return [{ at: write.at, details: write.facts }];
    case "markCancelled":
    case "markApproved":
    case "markBatchStarted":
    case "setPaused":
    case "putAgent":
    case "deleteAgent":
      return [];
    default:
      return write satisfies never;
  }
}

/** A request that waits for its agent was not sent. */
function requestSent(request: { requestId: string; sentAt?: number }): AuditTrailEntry[] {
  const { requestId: request_id, sentAt: at } = request;
  if (at === undefined) return [];
  return [
    { at, details: { action: "request.send", outcome: "started", resource: { request_id } } },
  ];
}

function jobCreated({ job, requests }: ControlWrite & { type: "putJob" }): AuditTrailEntry {
  const {
    jobId: job_id,
    command,
    createdBy: actor,
    createdAt: at,
    requestedBy = {},
    schedule,
  } = job;
  const { address, role, parameters } = requestedBy;
  const resource = {
    job_id,
    command,
    ...(parameters === undefined ? {} : { parameters }),
    agents: requests.slice(0, namesMax).map(({ agentId }) => agentId),
    total: requests.length,
    ...(schedule === undefined ? {} : { schedule }),
  };
  const from = {
    ...(role === undefined ? {} : { role }),
    ...(address === undefined ? {} : { address }),
  };
  return { at, details: { action: "job.create", outcome: "accepted", actor, ...from, resource } };
}
