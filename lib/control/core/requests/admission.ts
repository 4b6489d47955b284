/** Decides whether another job fits in memory: open requests are kept in memory and bounded. */
import { WsctlError } from "../../../protocol/errors.ts";
import { openMax, openParametersBytesMax, openPerAgentMax } from "../../../protocol/limits.ts";
import type { Job } from "../model.ts";
import { jsonBytes, type RequestTable } from "./requestTable.ts";

/**
 * Returns why a job cannot be accepted, or undefined. A job is accepted as a whole or not at all.
 */
export function checkAdmission(
  open: RequestTable,
  job: Job,
  wanted: readonly { agentId: string }[],
): WsctlError | undefined {
  if (open.size + wanted.length > openMax) {
    return new WsctlError("BUSY", `Cannot accept the job: ${open.size} requests are open`);
  }
  if (open.parametersBytes + jsonBytes(job.parameters) > openParametersBytesMax) {
    const text = "Cannot accept the job: the parameters of open jobs exceed their memory limit";
    return new WsctlError("BUSY", text);
  }
  const full = wanted.find(({ agentId }) => open.openCount(agentId) >= openPerAgentMax);
  if (full === undefined) return undefined;
  const text = `Cannot queue for agent "${full.agentId}": ${openPerAgentMax} requests are already queued`;
  return new WsctlError("BUSY", text);
}
