/**
 * HTTP routes of schedules. A schedule runs with the token that created it while the token is
 * valid.
 */
import { ScheduleRequest, type ScheduleView } from "../../protocol/api/schedules.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { StoredSchedule } from "../journal/tables/scheduleTable.ts";
import { idempotencyKey, type Route, type RouteContext, routeWithBody } from "./route.ts";

export const scheduleRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/schedules",
    permission: "jobs.create",
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
  const { c, body: order, scheduler, token, resource } = context;
  Object.assign(resource, { schedule: order.name, command: order.job.command });
  return c.json(scheduleView(scheduler.create(order, token)), 201);
}

function list({ c, engine, scope, token }: RouteContext): Response {
  const all = engine.journal.schedules.all();
  const seen = scope.isRestricted
    ? all.filter(({ createdBy }) => createdBy === token.tokenId)
    : all;
  const page: Page<ScheduleView> = { items: seen.map(scheduleView) };
  return c.json(page);
}

function show(context: RouteContext): Response {
  return context.c.json(scheduleView(findSchedule(context)));
}

function setPaused(context: RouteContext, what: "pause" | "resume"): Response {
  return context.c.json(scheduleView(context.scheduler[what](findSchedule(context))));
}

/** Runs the schedule now with the caller's token; due runs are not affected. */
function runNow(context: RouteContext): Promise<Response> {
  const { c, jobs, scope, token, address } = context;
  const { order } = findSchedule(context);
  const { tokenId, role } = token;
  const orderer = { tokenId, role, scope, address, schedule: order.name };
  const submitted = jobs.submit(order.job, orderer, idempotencyKey(c));
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

function scheduleView(schedule: StoredSchedule): ScheduleView {
  const { order, createdAt, createdBy, nextAt, pausedAt, pauseReason, last } = schedule;
  return {
    ...order,
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
