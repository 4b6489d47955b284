/** Builds requests from the ids and signatures of a signed job, all or none. */

import type { JobRequest } from "../../protocol/api/jobs.ts";
import type { SignedScheduleRequest } from "../../protocol/api/schedules.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { latestStart } from "../../protocol/wire/signedSchedule.ts";
import type { Job, RequestDraft, SignedRun } from "../core/model.ts";

/** A run of a signed schedule, and the signatures for its agents. */
export type SignedRunRequest = SignedRun & Pick<SignedScheduleRequest, "agents">;

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
  run?: SignedRunRequest,
): RequestDraft[] {
  if (run !== undefined) return buildRunRequests(run, agents, newId);
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

/** Each run has ids of its own: its agents know it by the schedule and the due time. */
function buildRunRequests(
  run: SignedRunRequest,
  agents: readonly string[],
  newId: () => string,
): RequestDraft[] {
  const byAgent = new Map(run.agents.map(({ agent, signatures }) => [agent, signatures]));
  return agents.map((agentId) => {
    const signatures = byAgent.get(agentId);
    if (signatures === undefined) throw another();
    return { requestId: newId(), agentId, signatures };
  });
}

/** Returns what a job keeps of its signatures besides those of its requests. */
export function signedFacts(
  { signed }: JobRequest,
  run: SignedRunRequest | undefined,
): Pick<Job, "notAfter" | "signedRun"> {
  if (signed !== undefined) return { notAfter: signed.not_after };
  if (run === undefined) return {};
  const { schedule, dueAt } = run;
  const notAfter = timestamp(latestStart(schedule, Date.parse(dueAt)));
  return { notAfter, signedRun: { schedule, dueAt } };
}

function another(): WsctlError {
  const text =
    "Cannot accept the job: the signatures do not cover exactly the agents of its target";
  return new WsctlError("CONFLICT", text);
}
