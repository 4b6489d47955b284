/** A job once more, for those of its agents whose requests ended in certain ways. */

import { isRetried, type JobRequest, type RetryRequest } from "../../protocol/api/jobs.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { StoredJob, StoredRequest } from "../core/model.ts";
import { rolloutView } from "../core/requests/rolloutOptions.ts";

/**
 * The order that asks again; agents that cannot be asked any more are left out. Throws `CONFLICT`
 * for a job that is still open there, or was signed, and `NO_MATCH` where nobody is left.
 */
export function buildRetryRequest(
  job: StoredJob,
  requests: readonly StoredRequest[],
  { which, max_agents }: RetryRequest,
  mayBeAsked: (agentId: string) => boolean,
): JobRequest {
  if (job.notAfter !== undefined) {
    const text = "signatures are over one request each: sign it anew with wsctl send --sign";
    throw new WsctlError("CONFLICT", `this job cannot be tried again as it is: ${text}`);
  }
  const chosen = requests.filter((request) => which.some((kind) => isRetried(kind, request)));
  const open = chosen.filter(({ state }) => state === "queued" || state === "sent").length;
  if (open > 0) {
    throw new WsctlError("CONFLICT", `${open} of its requests are still open: cancel it, or wait`);
  }
  if (chosen.length === 0) {
    const kinds = which.map((kind) => kind.replace("_", " ")).join(" or ");
    throw new WsctlError("NO_MATCH", `none of its requests is ${kinds}`);
  }
  const agents = chosen.map(({ agentId }) => agentId).filter(mayBeAsked);
  if (agents.length === 0) {
    const text = "its agents were deleted or drained, or are not this token's to command";
    throw new WsctlError("NO_MATCH", `none can be asked again: ${text}`);
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
    ...(max_agents === undefined ? {} : { max_agents }),
  };
}

/** No more canaries than there are agents. */
function within(job: StoredJob, agents: number): StoredJob {
  return job.canary === undefined ? job : { ...job, canary: Math.min(job.canary, agents) };
}
