/** Jobs over HTTP: asked for, listed, shown, and followed until the last outcome. */
import { validate as isUuid } from "uuid";
import {
  type AcceptedLine,
  FollowBody,
  JobOrder,
  type JobView,
  type Page,
} from "../../protocol/api.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { parametersBytesMax } from "../../protocol/limits.ts";
import type { Engine } from "../engine.ts";
import type { StoredJob } from "../journal.ts";
import { jsonBytes } from "../openRequests.ts";
import { outcomeStream } from "../outcomeStream.ts";
import { outputStream } from "../outputStream.ts";
import { jobDetail, jobView } from "../views.ts";
import { type Route, type RouteContext, readBody, readNumber } from "./route.ts";

export const jobRoutes: Route[] = [
  { method: "POST", path: "/api/v1/jobs", role: "operator", handle: createJob },
  { method: "GET", path: "/api/v1/jobs", role: "operator", handle: listJobs },
  { method: "GET", path: "/api/v1/jobs/:job_id", role: "operator", handle: showJob },
  { method: "POST", path: "/api/v1/jobs/:job_id/cancel", role: "operator", handle: cancelJob },
  { method: "GET", path: "/api/v1/jobs/:job_id/outcomes", role: "operator", handle: awaitJob },
  { method: "POST", path: "/api/v1/jobs/:job_id/follow", role: "operator", handle: followJob },
];

const keyShape = /^[\x21-\x7e]{1,128}$/;

/**
 * 202 with the job once it is durable; as NDJSON the stream goes on with each outcome, and with
 * `?output=true` with live output as well.
 */
async function createJob({ c, engine, token }: RouteContext): Promise<Response> {
  const order = await readBody(c, JobOrder);
  if (jsonBytes(order.parameters) > parametersBytesMax) {
    throw new WsctlError("TOO_LARGE", `parameters are over ${parametersBytesMax} bytes as JSON`);
  }
  const key = c.req.header("idempotency-key");
  if (key !== undefined && !keyShape.test(key)) {
    throw new WsctlError("MALFORMED", "Idempotency-Key must be 1 to 128 visible ASCII characters");
  }
  const job = await engine.orders.submit(order, token.tokenId, key);
  const accepted = acceptedLine(engine, job);
  if (!c.req.header("accept")?.includes("application/x-ndjson")) return c.json(accepted, 202);
  const start = { engine, job, after: 0, first: accepted };
  if (c.req.query("output") !== "true") return ndjson(outcomeStream(start), 202);
  return ndjson(outputStream({ ...start, received: {} }), 202);
}

function listJobs({ c, engine }: RouteContext): Response {
  const limit = readNumber(c, "limit", { least: 1, most: 500, otherwise: 50 });
  const before = c.req.query("cursor");
  if (before !== undefined && !isUuid(before)) {
    throw new WsctlError("MALFORMED", 'query parameter "cursor" must be the id of a job');
  }
  const jobs = engine.journal.jobs({ limit: limit + 1, ...(before ? { before } : {}) });
  const items = jobs.slice(0, limit);
  const last = items.at(-1);
  const page: Page<JobView> = { items: items.map(jobView) };
  if (jobs.length > limit && last !== undefined) page.next_cursor = last.jobId;
  return c.json(page);
}

function showJob({ c, engine }: RouteContext): Response {
  const job = findJob(engine, c.req.param("job_id"));
  return c.json(jobDetail(job, engine.journal.requests(job.jobId)));
}

/** What was not sent yet is withdrawn, the rest told to stop; answers with the job as it stands. */
function cancelJob({ c, engine }: RouteContext): Response {
  const job = findJob(engine, c.req.param("job_id"));
  engine.cancel(job.jobId);
  return c.json(jobDetail(findJob(engine, job.jobId), engine.journal.requests(job.jobId)));
}

/** Outcomes behind a cursor, until the last. */
function awaitJob({ c, engine }: RouteContext): Response {
  const job = findJob(engine, c.req.param("job_id"));
  const most = Number.MAX_SAFE_INTEGER;
  const after = readNumber(c, "after", { least: 0, most, otherwise: 0 });
  return ndjson(outcomeStream({ engine, job, after }), 200);
}

/** The same with live output, behind what was received of it. */
async function followJob({ c, engine }: RouteContext): Promise<Response> {
  const job = findJob(engine, c.req.param("job_id"));
  const { after, output } = await readBody(c, FollowBody);
  return ndjson(outputStream({ engine, job, after, received: output }), 200);
}

function findJob(engine: Engine, jobId: string | undefined): StoredJob {
  const job = engine.journal.job(jobId ?? "");
  if (job === undefined)
    throw new WsctlError("NOT_FOUND", "no such job; list them to see their ids");
  return job;
}

function acceptedLine(engine: Engine, job: StoredJob): AcceptedLine {
  const { agents } = engine.core.fleet;
  return {
    job: jobView(job),
    requests: engine.journal.requests(job.jobId).map(({ requestId, agentId }) => ({
      request_id: requestId,
      agent: agentId,
      online: agents.get(agentId)?.session !== undefined,
    })),
  };
}

function ndjson(stream: ReadableStream<Uint8Array>, status: number): Response {
  return new Response(stream, { status, headers: { "Content-Type": "application/x-ndjson" } });
}
