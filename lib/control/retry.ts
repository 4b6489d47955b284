/** A job once more, for those of its agents whose requests ended in certain ways. */

import { WsctlError } from "../protocol/errors.ts";
import type { JobOrder, RetryOrder } from "../protocol/order.ts";
import type { StoredJob, StoredRequest } from "./journal.ts";
import { turnsView } from "./turns.ts";

type Kind = RetryOrder["which"][number];

/** Whether a request is of this kind. `failed` has run, `not_started` has certainly not. */
function isOf(kind: Kind, { state, code }: StoredRequest): boolean {
  switch (kind) {
    case "all":
      return true;
    case "lost":
      return state === "lost";
    case "failed":
      return state === "failed" || state === "error" || code === "STOPPED";
    case "not_started":
      return state === "expired" || (state === "cancelled" && code !== "STOPPED");
    default:
      return kind satisfies never;
  }
}

/**
 * The order that asks again. Throws `CONFLICT` for a job that is still open there, or was signed,
 * and `NO_MATCH` where none of its requests is of these kinds.
 */
export function retryOrder(
  job: StoredJob,
  requests: readonly StoredRequest[],
  { which, max_agents }: RetryOrder,
): JobOrder {
  if (job.notAfter !== undefined) {
    const text = "signatures are over one request each: sign it anew with wsctl send --sign";
    throw new WsctlError("CONFLICT", `this job cannot be tried again as it is: ${text}`);
  }
  const chosen = requests.filter((request) => which.some((kind) => isOf(kind, request)));
  const open = chosen.filter(({ state }) => state === "queued" || state === "sent").length;
  if (open > 0) {
    throw new WsctlError("CONFLICT", `${open} of its requests are still open: cancel it, or wait`);
  }
  if (chosen.length === 0) {
    throw new WsctlError("NO_MATCH", `none of its requests is ${which.join(" or ")}`);
  }
  return {
    command: job.command,
    ...(job.parameters === undefined ? {} : { parameters: job.parameters }),
    target: { agents: chosen.map(({ agentId }) => agentId) },
    timeout_seconds: job.timeoutMs / 1000,
    ttl_seconds: job.ttlMs / 1000,
    ...turnsView(job),
    ...(job.canary === undefined ? {} : { canary: Math.min(job.canary, chosen.length) }),
    priority: job.priority ?? "normal",
    require_online: job.requireOnline ?? false,
    ...(max_agents === undefined ? {} : { max_agents }),
  };
}
