/** Builds requests from the ids and signatures of a signed job, all or none. */

import type { JobRequest } from "../../protocol/api/jobs.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { RequestDraft } from "../core/model.ts";

/**
 * Builds one request for each agent. `isKnown` returns whether a request id was used before.
 *
 * @throws {WsctlError} CONFLICT if the signatures cover other requests or were used before
 */
export function buildRequests(
  { signed }: JobRequest,
  agents: readonly string[],
  newId: () => string,
  isKnown: (requestId: string) => boolean,
): RequestDraft[] {
  if (signed === undefined) return agents.map((agentId) => ({ requestId: newId(), agentId }));
  const byAgent = new Map(signed.requests.map((request) => [request.agent, request]));
  const ids = new Set(signed.requests.map(({ request_id }) => request_id));
  if (byAgent.size !== agents.length || ids.size !== signed.requests.length) throw another();
  return agents.map((agentId) => {
    const request = byAgent.get(agentId);
    if (request === undefined) throw another();
    const { request_id: requestId, signatures } = request;
    if (!isKnown(requestId)) return { requestId, agentId, signatures };
    const text = `Cannot accept the job: request ${requestId} was sent before. Sign a new job`;
    throw new WsctlError("CONFLICT", text);
  });
}

function another(): WsctlError {
  const text =
    "Cannot accept the job: the signatures do not cover exactly the agents of its target";
  return new WsctlError("CONFLICT", text);
}
