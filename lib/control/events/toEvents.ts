/** Derives events from an entry of the log. */
import type { ControlPlaneEvent, EventType } from "../../protocol/api/events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Job, Outcome } from "../core/model.ts";
import type { ControlEntry } from "../journal/entries.ts";
import type { ControlJournal } from "../journal/journal.ts";
import type { StoredSchedule } from "../journal/tables/scheduleTable.ts";

const messageCharsMax = 1_000;

export function toEvents(
  sequence: number,
  entry: ControlEntry,
  journal: Pick<ControlJournal, "job" | "outcomes">,
): ControlPlaneEvent[] {
  const event = (type: EventType, data: JsonObject): ControlPlaneEvent => {
    return { sequence, type, at: entry.at, data };
  };
  switch (entry.type) {
    case "job_created": {
      const data = describeJob(entry.job, entry.requests.length);
      const created = event("job.created", data);
      return entry.job.needsApproval ? [created, event("approval.pending", data)] : [created];
    }
    case "request_ended": {
      const ended = event("request.ended", describeOutcome(entry.outcome));
      const job = endedJob(sequence, entry.outcome, journal);
      if (job === undefined) return [ended];
      const more = [event("job.ended", job)];
      if (job.succeeded !== job.total) more.push(event("job.failed", job));
      return [ended, ...more];
    }
    case "schedule_stored": {
      const reason = failedRun(entry.schedule);
      if (reason === undefined) return [];
      const { name, job } = entry.schedule.spec;
      return [event("schedule.failed", { schedule: name, command: job.command, reason })];
    }
    case "token_stored": {
      const { role, state, agentId: agent_id = "", revokedAt } = entry.token;
      if (role !== "agent" || revokedAt !== undefined) return [];
      return state === "pending" ? [event("agent.pending", { agent_id })] : [];
    }
    case "action_recorded": {
      const { action, resource = {}, outcome, address } = entry.details;
      const agent_id = String(resource.agent ?? "");
      if (action === "agent.fence") return [event("agent.fenced", { agent_id })];
      if (action !== "agent.connect" || outcome !== "accepted") return [];
      return [event("agent.connected", { agent_id, ...(address ? { address } : {}) })];
    }
    case "event_recorded":
      return [event(entry.event, entry.data)];
    default:
      return [];
  }
}

function describeJob(job: Job, total: number): JsonObject {
  const { jobId: job_id, command, createdByName, createdBy, schedule, template, reason } = job;
  return {
    ...{ job_id, command, total, created_by: createdBy },
    ...(createdByName === undefined ? {} : { created_by_name: createdByName }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(template === undefined ? {} : { template }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function describeOutcome(outcome: Outcome): JsonObject {
  const { code, message } = outcome;
  return {
    ...{ request_id: outcome.requestId, job_id: outcome.jobId, agent_id: outcome.agentId },
    outcome: outcome.outcome,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message: message.slice(0, messageCharsMax) }),
  };
}

/** Returns the job if this outcome is its last one. */
function endedJob(
  sequence: number,
  { jobId }: Outcome,
  journal: Pick<ControlJournal, "job" | "outcomes">,
): JsonObject | undefined {
  const job = journal.job(jobId);
  if (job === undefined || job.ended < job.total) return undefined;
  if (journal.outcomes(jobId, sequence, 1).length > 0) return undefined;
  return { ...describeJob(job, job.total), ended: job.ended, succeeded: job.succeeded };
}

/** Runs that are skipped as their policy says have not failed. */
const expectedSkips: ReadonlySet<string> = new Set(["missed", "paused", "already_running"]);

function failedRun({ last, pauseReason }: StoredSchedule): string | undefined {
  const reason = pauseReason ?? last?.skipReason;
  return reason === undefined || expectedSkips.has(reason) ? undefined : reason;
}
