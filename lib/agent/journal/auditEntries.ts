/**
 * The audit trail of an agent is a view of its log: one entry for each step of a request. Only the
 * names of parameters are shown, because the values may be secret.
 */
import type { AuditEntry } from "../../protocol/api/audit.ts";
import { pruneAction } from "../../protocol/api/audit.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { RequestRecord } from "../core/model.ts";
import { type AgentEntry, toRecord } from "./entries.ts";

/** Returns undefined for an entry that is not part of the audit trail. */
export function toAuditEntry(sequence: number, entry: AgentEntry): AuditEntry | undefined {
  const { at } = entry;
  if (entry.type === "entries_removed") {
    const { through: last_sequence, digest: hash, entries: records, reason } = entry;
    const resource = { last_sequence, hash, records, reason };
    return { sequence, at, action: pruneAction, outcome: "accepted", resource };
  }
  const record = toRecord(entry);
  if (record === undefined) return undefined;
  const { requestId: request_id, command, parameters, state, signedBy, run } = record;
  const resource = {
    request_id,
    command,
    parameters: Object.keys(parameters),
    ...(signedBy === undefined ? {} : { signed_by: signedBy }),
    ...(run === undefined ? {} : { schedule_id: run.scheduleId, due_at: timestamp(run.dueAt) }),
  };
  return { sequence, at, action: `request.${verbs[state]}`, resource, ...buildOutcome(record) };
}

const verbs: Record<RequestRecord["state"], string> = {
  accepted: "accept",
  started: "start",
  restarting: "restart",
  ended: "end",
  acknowledged: "end",
};

function buildOutcome({ answer, state }: RequestRecord): { outcome: string; code?: string } {
  if (answer === undefined) return { outcome: state === "accepted" ? "accepted" : "started" };
  if (answer.type === "response") return { outcome: answer.status };
  return { outcome: "refused", code: answer.code };
}
