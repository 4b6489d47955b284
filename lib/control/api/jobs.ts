/** HTTP routes that create, list, show, follow, cancel, pause, resume, approve and retry jobs. */
import type * as v from "valibot";
import { JobRequest, RetryRequest } from "../../protocol/api/jobs.ts";
import { type JobDetail, type JobsPage, StreamRequestBody } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { fullResultRequestsMax } from "../../protocol/limits.ts";
import { findActor } from "../auth/oidcUser.ts";
import type { StoredJob } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import type { AcceptedJob } from "../engine/pendingSubmissions.ts";
import type { StreamSource } from "../engine/responseStreams.ts";
import { maskSecrets } from "../jobs/redactParameters.ts";
import { buildRetryRequest } from "../jobs/retryJob.ts";
import { describeOperator, type Requester } from "../jobs/submitJob.ts";
import { isIndexable, whole } from "../journal/history/historyIndex.ts";
import { acceptedLine } from "../streams/acceptedLine.ts";
import { EarlyLines, earlyMs } from "../streams/earlyLines.ts";
import { OutcomeStream } from "../streams/outcomeStream.ts";
import { OutputStream } from "../streams/outputStream.ts";
import { SessionStream } from "../streams/sessionStream.ts";
import { jobDetail, jobView } from "../views/views.ts";
import { findVisibleJob } from "./idPrefix.ts";
import { readJobsQuery } from "./jobsQuery.ts";
import {
  idempotencyKey,
  type Route,
  type RouteContext,
  readNumber,
  routeWithBody,
} from "./route.ts";

export const jobRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/jobs",
    permission: "jobs.create",
    action: "job.create",
    auditsItself: true,
    body: JobRequest,
    handle: (context) => submit(context, context.body),
  }),
  { method: "GET", path: "/api/v1/jobs", permission: "jobs.read", handle: listJobs },
  { method: "GET", path: "/api/v1/jobs/:job_id", permission: "jobs.read", handle: showJob },
  {
    method: "POST",
    path: "/api/v1/jobs/:job_id/cancel",
    permission: "jobs.create",
    action: "job.cancel",
    handle: cancelJob,
  },
  {
    method: "POST",
    path: "/api/v1/jobs/:job_id/pause",
    permission: "jobs.create",
    action: "job.pause",
    handle: (context) => setPaused(context, "pauseRequested"),
  },
  {
    method: "POST",
    path: "/api/v1/jobs/:job_id/resume",
    permission: "jobs.create",
    action: "job.resume",
    handle: (context) => setPaused(context, "resumeRequested"),
  },
  routeWithBody({
    method: "POST",
    path: "/api/v1/jobs/:job_id/retry",
    permission: "jobs.create",
    action: "job.create",
    auditsItself: true,
    body: RetryRequest,
    handle: retryJob,
  }),
  {
    method: "GET",
    path: "/api/v1/jobs/:job_id/outcomes",
    permission: "jobs.read",
    outlives: true,
    handle: awaitJob,
  },
  routeWithBody({
    method: "POST",
    path: "/api/v1/jobs/:job_id/stream",
    permission: "jobs.create",
    body: StreamRequestBody,
    handle: followJob,
  }),
  {
    method: "POST",
    path: "/api/v1/jobs/:job_id/approve",
    permission: "jobs.approve",
    needsConfirmation: true,
    action: "job.approve",
    handle: approveJob,
  },
];

/** Creates a job for selected agents of a job that has ended. The response is that of `submit`. */
function retryJob(context: RouteContext<v.InferOutput<typeof RetryRequest>>): Promise<Response> {
  const job = findJob(context);
  const { engine, scope, body: retry } = context;
  const known = scope.within(engine.core.registry.agents);
  const isKnown = (agentId: string) => known.has(agentId);
  const jobRequest = buildRetryRequest(job, engine.journal.requests(job.jobId), retry, isKnown);
  // Its agents were asked before, and may have got the command since.
  return submit(context, { ...jobRequest, force: true }, { retryOf: job.jobId });
}

/**
 * Responds 202 with the job once it is durable. With NDJSON, the stream continues with each
 * outcome, and with `?output=true` with live output.
 */
export function submit(
  context: RouteContext,
  jobRequest: JobRequest,
  origin: Partial<Pick<Requester, "retryOf" | "template">> = {},
): Promise<Response> {
  const { c, jobs } = context;
  const requester = { ...describeOperator(context, c.req.header("traceparent")), ...origin };
  const submitted = jobs.submit(jobRequest, requester, idempotencyKey(c));
  return submitted.then((accepted) => sendAccepted(context, accepted));
}

async function sendAccepted(context: RouteContext, submitted: AcceptedJob): Promise<Response> {
  const { c, engine } = context;
  const { job } = submitted;
  const accepted = acceptedLine(engine, submitted);
  if (!c.req.header("accept")?.includes("application/x-ndjson")) return c.json(accepted, 202);
  const start = { engine, job, after: 0 };
  const withOutput = c.req.query("output") === "true";
  const source = withOutput
    ? new OutputStream({ ...start, received: {} })
    : new OutcomeStream(start);
  const first = `${JSON.stringify(accepted)}\n`;
  const early = new EarlyLines(source);
  const lines = first + (await early.collect(earlyMs));
  if (!early.isOver || !context.authority.isValid) return ndjson(context, early, lines);
  early.close();
  return new Response(lines, { status: 202, headers: ndjsonHeaders });
}

async function listJobs(context: RouteContext): Promise<Response> {
  const { c, engine, token, scope } = context;
  const query = readJobsQuery(c);
  // A restricted token sees only its own jobs, whatever filter it passes.
  if (scope.isRestricted) {
    if ((query.createdBy ?? token.tokenId) !== token.tokenId) return c.json({ items: [] });
    query.createdBy = token.tokenId;
  }
  if (isIndexable(query)) await whole(engine.journal.upkeepLater.indexHistory);
  const { jobs, next, indexProgress } = engine.journal.jobs(query);
  const page: JobsPage = { items: jobs.map(jobView) };
  if (next !== undefined) page.next_cursor = next;
  if (indexProgress !== undefined) page.index_progress = indexProgress;
  return c.json(page);
}

function showJob(context: RouteContext): Response {
  const { c, engine } = context;
  const job = findJob(context);
  return c.json(buildDetail(engine, job));
}

/** Omits results and long messages if the job is large; the outcomes route returns them by page. */
function buildDetail({ journal, capabilities }: Engine, stored: StoredJob): JobDetail {
  const { parameters, ...rest } = stored;
  const schemas = capabilities.schemas(stored.command);
  const shown = parameters === undefined ? {} : { parameters: maskSecrets(parameters, schemas) };
  const job: StoredJob = { ...rest, ...shown };
  const isBrief = job.total > fullResultRequestsMax;
  return jobDetail(job, isBrief ? journal.requests(job.jobId) : journal.fullRequests(job.jobId));
}

/** Cancels queued requests, asks agents to stop running ones, and returns the job. */
function cancelJob(context: RouteContext): Response {
  const { c, engine } = context;
  const job = findJob(context);
  engine.decide({ type: "cancelRequested", jobId: job.jobId });
  return c.json(buildDetail(engine, findJob(context)));
}

/** Pauses or resumes the requests that were not sent yet, and returns the job. */
function setPaused(context: RouteContext, type: "pauseRequested" | "resumeRequested"): Response {
  const { jobId } = requireOpen(findJob(context));
  if (type === "resumeRequested") requireWithin(context, jobId);
  context.engine.decide({ type, jobId });
  return context.c.json(jobView(findJob(context)));
}

/** The labels of agents may have changed while the job was paused. */
function requireWithin({ engine, scope }: RouteContext, jobId: string): void {
  if (!scope.isRestricted) return;
  const known = scope.within(engine.core.registry.agents);
  const queued = engine.journal.requests(jobId).filter(({ state }) => state === "queued");
  const left = queued.find(({ agentId }) => !known.has(agentId));
  if (left === undefined) return;
  const text = `Cannot resume job: agent "${left.agentId}" is no longer in the scope of this token. Cancel the job`;
  throw new WsctlError("FORBIDDEN", text);
}

function requireOpen(job: StoredJob): StoredJob {
  if (job.ended < job.total) return job;
  throw new WsctlError("CONFLICT", "Cannot change job: it has already finished");
}

/** Approves a job. The approving operator must not be the one who created it. */
function approveJob(context: RouteContext): Response {
  const { c, engine, token } = context;
  const job = findJob(context);
  if (job.needsApproval !== true) {
    throw new WsctlError("CONFLICT", "Cannot approve job: it does not need approval");
  }
  const creator = engine.journal.tokens.get(job.createdBy) ?? { tokenId: job.createdBy };
  if (findActor(creator) === findActor(token)) {
    throw new WsctlError(
      "FORBIDDEN",
      "Cannot approve job: another operator than its creator must approve it",
    );
  }
  requireOpen(job);
  engine.decide({ type: "approvalRequested", jobId: job.jobId, by: token.tokenId });
  return c.json(jobView(findJob(context)));
}

/** Streams the outcomes after a cursor until the job ends. */
function awaitJob(context: RouteContext): Response {
  const { c, engine } = context;
  const job = findJob(context);
  const most = Number.MAX_SAFE_INTEGER;
  const after = readNumber(c, "after", { least: 0, most, otherwise: 0 });
  return ndjson(context, new OutcomeStream({ engine, job, after }));
}

/** Streams the outcomes and the live output after a cursor until the job ends. */
function followJob(context: RouteContext<v.InferOutput<typeof StreamRequestBody>>): Response {
  const { engine, body } = context;
  const job = findJob(context);
  const { after, output } = body;
  return ndjson(context, new OutputStream({ engine, job, after, received: output }));
}

/**
 * Finds the job that the path names, or whose id begins so, unless the token must not see it.
 *
 * @throws {WsctlError} NOT_FOUND, or CONFLICT if several ids begin so
 */
function findJob(context: RouteContext): StoredJob {
  const job = findVisibleJob(context, context.c.req.param("job_id") ?? "");
  // The audit trail names the job, not its beginning.
  context.resource.job_id = job.jobId;
  return job;
}

const ndjsonHeaders = { "Content-Type": "application/x-ndjson" };

/**
 * Streams a job. The stream starts with the lines of the accepted job, if there are any, and closes
 * early if the token ends.
 */
function ndjson(
  { engine, token, authority }: RouteContext,
  source: StreamSource,
  first = "",
): Response {
  const bound = authority.isSession ? new SessionStream(source, () => authority.isOpen) : source;
  // The credential may have ended since the job was accepted; the stream then closes at once.
  const stream = engine.responseStreams.open(token.tokenId, bound, first, authority.isValid);
  return new Response(stream, { status: first === "" ? 200 : 202, headers: ndjsonHeaders });
}
