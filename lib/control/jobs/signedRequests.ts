/** Requests whose ids and signatures an operator has made: taken as they are, or not at all. */

import type { JobRequest } from "../../protocol/api/jobs.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { RequestDraft } from "../core/model.ts";

/**
 * One request for each agent; `isKnown` says whether an id has been used. Throws `CONFLICT` where
 * what was signed is not what is asked for, or is asked for again.
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
    const text = `Cannot accept the job: request ${requestId} was asked for before; sign it anew`;
    throw new WsctlError("CONFLICT", text);
  });
}

function another(): WsctlError {
  const text = "Cannot accept the job: it was not signed for exactly the agents of its target";
  return new WsctlError("CONFLICT", text);
}
