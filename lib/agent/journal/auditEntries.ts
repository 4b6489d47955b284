/**
 * What an agent's own writes look like in its audit trail: each step of a request, on disk with the
 * step itself. Parameters are named, never kept: they may be anybody's secret.
 */
import type { AuditEntry } from "../../store/auditTrail.ts";
import type { AgentWrite, JournalRecord } from "../core/model.ts";

/** Undefined for what is no step of a request. */
export function auditOf(write: AgentWrite): AuditEntry | undefined {
  if (write.type !== "put") return undefined;
  const { record } = write;
  const { requestId: request_id, command, parameters, state, since: at, signedBy } = record;
  const on = {
    request_id,
    command,
    parameters: Object.keys(parameters),
    ...(signedBy === undefined ? {} : { signed_by: signedBy }),
  };
  return { at, facts: { action: `request.${verbs[state]}`, on, ...outcomeOf(record) } };
}

const verbs: Record<JournalRecord["state"], string> = {
  accepted: "accept",
  started: "start",
  restarting: "restart",
  ended: "end",
  settled: "end",
};

function outcomeOf({ answer, state }: JournalRecord): { outcome: string; code?: string } {
  if (answer === undefined) return { outcome: state === "accepted" ? "accepted" : "begun" };
  if (answer.type === "response") return { outcome: answer.status };
  return { outcome: "refused", code: answer.code };
}
