/** The writes of the control plane's core, from the entries of its log. */
import type { ControlWrite } from "../../lib/control/core/model.ts";
import type { ControlEntry } from "../../lib/control/journal/entries.ts";

/** Returns the write that recorded an entry. */
export function toWrite(entry: ControlEntry): ControlWrite {
  switch (entry.type) {
    case "job_created":
      return { type: "putJob", job: entry.job, requests: entry.requests };
    case "request_sent": {
      const { request_id: requestId, time: sentAt, journal_id: journalId } = entry;
      return { type: "markSent", requestId, sentAt, journalId };
    }
    case "request_ended":
      return { type: "putOutcome", outcome: entry.outcome };
    case "job_cancelled":
      return { type: "markCancelled", jobId: entry.job_id, at: entry.time };
    case "job_approved":
      return { type: "markApproved", jobId: entry.job_id, by: entry.by };
    case "batch_started":
      return { type: "markBatchStarted", requestId: entry.request_id, at: entry.time };
    case "job_paused":
      return { type: "setPaused", jobId: entry.job_id, at: entry.time };
    case "agent_stored":
      return { type: "putAgent", facts: entry.agent };
    case "agent_removed":
      return { type: "deleteAgent", agentId: entry.agent_id };
    case "action_recorded":
      return { type: "appendAudit", at: 0, facts: entry.details };
    default:
      throw new Error(`the core writes no "${entry.type}"`);
  }
}
