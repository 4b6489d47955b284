/**
 * Builds audit entries from the agent's writes: one for each step of a request, stored together
 * with the step. Only the names of parameters are stored, because the values may be secret.
 */
import type { AuditTrailEntry } from "../../store/auditTrail.ts";
import type { AgentWrite, RequestRecord } from "../core/model.ts";

/** Returns undefined for a write that is not a step of a request. */
export function buildAuditEntry(write: AgentWrite): AuditTrailEntry | undefined {
  if (write.type !== "putRequest") return undefined;
  const { record } = write;
  const { requestId: request_id, command, parameters, state, since: at, signedBy } = record;
  const resource = {
    request_id,
    command,
    parameters: Object.keys(parameters),
    ...(signedBy === undefined ? {} : { signed_by: signedBy }),
  };
  return { at, details: { action: `request.${verbs[state]}`, resource, ...buildOutcome(record) } };
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
