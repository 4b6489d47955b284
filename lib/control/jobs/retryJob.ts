/** Builds the job that retries selected requests of an ended job. */

import { isRetried, type JobRequest, type RetryRequest } from "../../protocol/api/jobs.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { StoredJob, StoredRequest } from "../core/model.ts";
import { rolloutView } from "../core/requests/rolloutOptions.ts";

/**
 * Builds the request of the new job. Deleted and out-of-scope agents are skipped.
 *
 * @throws {WsctlError} CONFLICT if the selected requests are still open or the job was signed
 * @throws {WsctlError} NO_MATCH if no agent is left
 */
export function buildRetryRequest(
  job: StoredJob,
  requests: readonly StoredRequest[],
  { which, max_agents, reason = job.reason }: RetryRequest,
  isKnown: (agentId: string) => boolean,
): JobRequest {
  if (job.notAfter !== undefined) {
    const text = "each signature covers one request. Sign a new job with wsctl send --sign";
    throw new WsctlError("CONFLICT", `Cannot retry signed job: ${text}`);
  }
  const chosen = requests.filter((request) => which.some((kind) => isRetried(kind, request)));
  const open = chosen.filter(({ state }) => state === "queued" || state === "sent").length;
  if (open > 0) {
    throw new WsctlError(
      "CONFLICT",
      `Cannot retry job: ${open} of its requests are still open. Cancel the job or wait`,
    );
  }
  if (chosen.length === 0) {
    const kinds = which.map((kind) => kind.replace("_", " ")).join(" or ");
    throw new WsctlError("NO_MATCH", `Cannot retry job: none of its requests is ${kinds}`);
  }
  const agents = chosen.map(({ agentId }) => agentId).filter(isKnown);
  if (agents.length === 0) {
    const text = "the agents were deleted, or are outside the scope of this token";
    throw new WsctlError("NO_MATCH", `Cannot retry job: ${text}`);
  }
  return {
    command: job.command,
    ...(job.parameters === undefined ? {} : { parameters: job.parameters }),
    target: { agents },
    timeout_seconds: job.timeoutMs / 1000,
    ttl_seconds: job.ttlMs / 1000,
    ...rolloutView(within(job, agents.length)),
    priority: job.priority ?? "normal",
    require_online: job.requireOnline ?? false,
    ...(reason === undefined ? {} : { reason }),
    ...(max_agents === undefined ? {} : { max_agents }),
  };
}

/** Limits the number of canaries to the number of agents. */
function within(job: StoredJob, agents: number): StoredJob {
  return job.canary === undefined ? job : { ...job, canary: Math.min(job.canary, agents) };
}
