/** The first line of the stream of a new job. */
import type { AcceptedLine } from "../../protocol/api/views.ts";
import type { Engine } from "../engine/engine.ts";
import type { AcceptedJob } from "../engine/pendingSubmissions.ts";
import { jobView } from "../views/views.ts";

export function acceptedLine(
  engine: Engine,
  { job, requests, skipped }: AcceptedJob,
): AcceptedLine {
  const { agents } = engine.core.registry;
  return {
    job: jobView(job),
    requests: requests.map(({ requestId, agentId }) => ({
      request_id: requestId,
      agent: agentId,
      online: agents.get(agentId)?.session !== undefined,
    })),
    ...(skipped === undefined ? {} : { skipped }),
  };
}
