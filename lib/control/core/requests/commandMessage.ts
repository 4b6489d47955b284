/** Builds the command message of a request. */
import { timestamp } from "../../../protocol/timestamp.ts";
import { withSpanOf } from "../../../protocol/traceparent.ts";
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import type { Job, OpenRequest } from "../model.ts";
import { expiresAt } from "./expiry.ts";
import type { ConnectedAgent } from "./requestTable.ts";

export function commandMessage(request: OpenRequest, job: Job, peer: ConnectedAgent): ControlDraft {
  const payload = {
    command: job.command,
    ...(job.parameters ? { parameters: job.parameters } : {}),
    ...(peer.isExtended ? limits(request, job, peer) : {}),
    ...(peer.isExtended && job.traceparent !== undefined
      ? { traceparent: withSpanOf(job.traceparent, request.requestId) }
      : {}),
    ...signedFields(request, job),
  };
  return { type: "command", request_id: request.requestId, payload };
}

/** The expiry is on the clock that the agent has measured. */
function limits(request: OpenRequest, job: Job, { clockSetByMs }: ConnectedAgent) {
  const expires_at = timestamp(expiresAt(request, job) - clockSetByMs);
  return { timeout_seconds: job.timeoutMs / 1000, expires_at };
}

/** Signatures are sent to every peer; one without the `wsctl.v1` extension ignores them. */
function signedFields({ signatures }: OpenRequest, { notAfter: not_after, signedRun }: Job) {
  if (signatures !== undefined && signedRun !== undefined) {
    return { signatures, schedule: signedRun.schedule, due_at: signedRun.dueAt };
  }
  return signatures === undefined || not_after === undefined ? {} : { signatures, not_after };
}
