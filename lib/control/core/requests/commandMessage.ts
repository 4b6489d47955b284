/** A request as its agent is told of it. */
import { timestamp } from "../../../protocol/timestamp.ts";
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import type { Job, OpenRequest } from "../model.ts";
import { expiresAt } from "./expiry.ts";
import type { ConnectedAgent } from "./requestTable.ts";

export function commandMessage(request: OpenRequest, job: Job, peer: ConnectedAgent): ControlDraft {
  const payload = {
    command: job.command,
    ...(job.parameters ? { parameters: job.parameters } : {}),
    ...(peer.isExtended
      ? { timeout_seconds: job.timeoutMs / 1000, expires_at: timestamp(expiresAt(request, job)) }
      : {}),
    ...signedFields(request, job),
  };
  return { type: "command", request_id: request.requestId, payload };
}

/** What operators have signed goes to every peer: one that knows only the standard ignores it. */
function signedFields({ signatures }: OpenRequest, { notAfter: not_after }: Job) {
  return signatures === undefined || not_after === undefined ? {} : { signatures, not_after };
}
