/** What the control plane's own writes look like in the audit trail: with them, or not at all. */
import type { AuditEntry } from "../../store/auditTrail.ts";
import type { ControlWrite } from "../core/model.ts";

/** Agents named in one record: a job for all of a large fleet says how many, and each has its own. */
const namedMax = 100;

/** Nothing for what is nobody's action. */
export function auditOf(write: ControlWrite): AuditEntry[] {
  switch (write.type) {
    case "job":
      return [jobCreated(write), ...write.requests.flatMap((request) => requestSent(request))];
    case "sent":
      return requestSent(write);
    case "ended": {
      const { requestId, jobId, agentId: agent, outcome, code, endedAt: at } = write.outcome;
      const on = { request_id: requestId, job_id: jobId, agent };
      const coded = code === undefined ? {} : { code };
      return [{ at, facts: { action: "request.end", outcome, on, ...coded } }];
    }
    case "audit":
      return [{ at: write.at, facts: write.facts }];
    case "cancelled":
    case "approved":
    case "turned":
    case "paused":
    case "agent":
    case "forgotten":
      return [];
    default:
      return write satisfies never;
  }
}

/** What waits for its agent was not sent. */
function requestSent(request: { requestId: string; sentAt?: number }): AuditEntry[] {
  const { requestId: request_id, sentAt: at } = request;
  if (at === undefined) return [];
  return [{ at, facts: { action: "request.send", outcome: "begun", on: { request_id } } }];
}

function jobCreated({ job, requests }: ControlWrite & { type: "job" }): AuditEntry {
  const { jobId: job_id, command, createdBy: actor, createdAt: at, asked = {}, schedule } = job;
  const { address, role, parameters } = asked;
  const on = {
    job_id,
    command,
    ...(parameters === undefined ? {} : { parameters }),
    agents: requests.slice(0, namedMax).map(({ agentId }) => agentId),
    total: requests.length,
    ...(schedule === undefined ? {} : { schedule }),
  };
  const from = {
    ...(role === undefined ? {} : { role }),
    ...(address === undefined ? {} : { address }),
  };
  return { at, facts: { action: "job.create", outcome: "accepted", actor, ...from, on } };
}
