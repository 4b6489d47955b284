/**
 * HTTP routes of schedules. A schedule runs with the token that created it while the token is
 * valid.
 */
import * as v from "valibot";
import {
  ScheduleRequest,
  type ScheduleSpec,
  type ScheduleView,
  type SignedScheduleRequest,
} from "../../protocol/api/schedules.ts";
import { TemplateRun } from "../../protocol/api/templates.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Engine } from "../engine/engine.ts";
import { maskJob } from "../jobs/redactParameters.ts";
import { buildTemplateJob } from "../jobs/templateJob.ts";
import type { StoredSchedule } from "../journal/tables/scheduleTable.ts";
import { idempotencyKey, type Route, type RouteContext, routeWithBody } from "./route.ts";
import { findTemplate } from "./templates.ts";

export const scheduleRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/schedules",
    permission: "jobs.create",
    // A schedule runs on after the login has ended, with the token of its creator.
    needsConfirmation: true,
    action: "schedule.create",
    body: ScheduleRequest,
    handle: create,
  }),
  { method: "GET", path: "/api/v1/schedules", permission: "jobs.read", handle: list },
  { method: "GET", path: "/api/v1/schedules/:name", permission: "jobs.read", handle: show },
  {
    method: "POST",
    path: "/api/v1/schedules/:name/pause",
    permission: "jobs.create",
    action: "schedule.pause",
    handle: (context) => setPaused(context, "pause"),
  },
  {
    method: "POST",
    path: "/api/v1/schedules/:name/resume",
    permission: "jobs.create",
    action: "schedule.resume",
    handle: (context) => setPaused(context, "resume"),
  },
  {
    method: "POST",
    path: "/api/v1/schedules/:name/run",
    permission: "jobs.create",
    action: "schedule.run",
    handle: runNow,
  },
  {
    method: "DELETE",
    path: "/api/v1/schedules/:name",
    permission: "jobs.create",
    action: "schedule.delete",
    handle: remove,
  },
];

function create(context: RouteContext<ScheduleRequest>): Response {
  const { c, engine, scheduler, token, resource } = context;
  const spec = toSpec(context);
  requireToken(context, spec.name);
  const keys = spec.signed === undefined ? {} : { signed_by: keysOf(spec.signed) };
  Object.assign(resource, { schedule: spec.name, command: spec.job.command, ...keys });
  return c.json(scheduleView(engine, scheduler.create(spec, token)), 201);
}

/** People who have logged in at a provider have no token that a schedule could run with. */
function requireToken({ engine, token }: RouteContext, name: string): void {
  if (engine.journal.tokens.get(token.tokenId) !== undefined) return;
  const why = "a schedule runs with the token of its creator, and this login has none";
  const advice = "Create it with wsctl schedules create and a token";
  throw new WsctlError("FORBIDDEN", `Cannot create schedule "${name}": ${why}. ${advice}`);
}

function toSpec({ body, engine, scope }: RouteContext<ScheduleRequest>): ScheduleSpec {
  const { job, template, ...rest } = body;
  if (job !== undefined) return { ...rest, job };
  const { name = "", ...run } = template ?? {};
  const { value } = findTemplate(engine, scope, name);
  const filled = v.parse(TemplateRun, run);
  return { ...rest, job: buildTemplateJob(value, filled), template: name };
}

function list({ c, engine, scope, token }: RouteContext): Response {
  const all = engine.journal.schedules.all();
  const seen = scope.isRestricted
    ? all.filter(({ createdBy }) => createdBy === token.tokenId)
    : all;
  const page: Page<ScheduleView> = { items: seen.map((each) => scheduleView(engine, each)) };
  return c.json(page);
}

function show(context: RouteContext): Response {
  return context.c.json(scheduleView(context.engine, findSchedule(context)));
}

function setPaused(context: RouteContext, what: "pause" | "resume"): Response {
  const { c, engine, scheduler } = context;
  return c.json(scheduleView(engine, scheduler[what](findSchedule(context))));
}

/** Runs the schedule now with the caller's token; due runs are not affected. */
function runNow(context: RouteContext): Promise<Response> {
  const { c, jobs, scope, token, address } = context;
  const { spec } = findSchedule(context);
  if (spec.signed !== undefined) {
    const text = `Cannot run schedule "${spec.name}" now: its signatures cover only its due times`;
    const advice = `Send the command with wsctl send ${spec.job.command} --sign KEY`;
    throw new WsctlError("CONFLICT", `${text}. ${advice}`);
  }
  const { tokenId, name, role } = token;
  const origin = spec.template === undefined ? {} : { template: spec.template };
  const requester = { tokenId, name, role, scope, address, schedule: spec.name, ...origin };
  const submitted = jobs.submit(spec.job, requester, idempotencyKey(c));
  return submitted.then(({ job }) => c.json({ job_id: job.jobId }, 202));
}

function remove(context: RouteContext): Response {
  context.scheduler.remove(findSchedule(context));
  return context.c.body(null, 204);
}

/** Finds the schedule that the path names, unless the token must not see it. */
function findSchedule({ c, engine, scope, token }: RouteContext): StoredSchedule {
  const name = c.req.param("name") ?? "";
  const schedule = engine.journal.schedules.get(name);
  const isHidden = scope.isRestricted && schedule?.createdBy !== token.tokenId;
  if (schedule !== undefined && !isHidden) return schedule;
  throw new WsctlError(
    "NOT_FOUND",
    `Unknown schedule "${name}". List the schedules to see their names`,
  );
}

function scheduleView({ capabilities }: Engine, schedule: StoredSchedule): ScheduleView {
  const { createdAt, createdBy, nextAt, pausedAt, pauseReason, last } = schedule;
  const { signed, ...spec } = schedule.spec;
  return {
    ...spec,
    ...(signed === undefined ? {} : { signed: signedView(signed, schedule) }),
    job: maskJob(spec.job, capabilities),
    created_at: timestamp(createdAt),
    created_by: createdBy,
    ...(nextAt === undefined ? {} : { next_at: timestamp(nextAt) }),
    ...(pausedAt === undefined ? {} : { paused_at: timestamp(pausedAt) }),
    ...(pauseReason === undefined ? {} : { pause_reason: pauseReason }),
    ...(last === undefined
      ? {}
      : {
          last_run: {
            due_at: timestamp(last.dueAt),
            ...(last.jobId === undefined ? {} : { job_id: last.jobId }),
            ...(last.skipReason === undefined ? {} : { skip_reason: last.skipReason }),
          },
        }),
  };
}

function signedView(
  { agents, ...bounds }: SignedScheduleRequest,
  { runs = 0, isEnding }: StoredSchedule,
): NonNullable<ScheduleView["signed"]> {
  return {
    ...bounds,
    keys: keysOf({ agents }),
    runs_left: bounds.max_runs - runs,
    ...(isEnding ? { ends_soon: true } : {}),
  };
}

/** The ids of the keys that have signed, each once. */
function keysOf({ agents }: Pick<SignedScheduleRequest, "agents">): string[] {
  const keys = agents.flatMap(({ signatures }) => signatures.map(({ key }) => key));
  return [...new Set(keys)];
}
