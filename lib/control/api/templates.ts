/** HTTP routes of templates. A template runs with the token of the caller. */
import { TemplateRequest, TemplateRun, type TemplateView } from "../../protocol/api/templates.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { AgentScope } from "../core/agents/agentScope.ts";
import type { Engine } from "../engine/engine.ts";
import { maskJob } from "../jobs/redactParameters.ts";
import { buildTemplateJob } from "../jobs/templateJob.ts";
import type { Definition } from "../journal/tables/definitionTable.ts";
import { submit } from "./jobs.ts";
import { type Route, type RouteContext, routeWithBody } from "./route.ts";

export const templateRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/templates",
    permission: "jobs.create",
    action: "template.create",
    body: TemplateRequest,
    handle: create,
  }),
  { method: "GET", path: "/api/v1/templates", permission: "jobs.read", handle: list },
  { method: "GET", path: "/api/v1/templates/:name", permission: "jobs.read", handle: show },
  routeWithBody({
    method: "POST",
    path: "/api/v1/templates/:name/run",
    permission: "jobs.create",
    action: "job.create",
    auditsItself: true,
    outlives: true,
    body: TemplateRun,
    handle: run,
  }),
  {
    method: "POST",
    path: "/api/v1/templates/:name/trigger",
    permission: "templates.trigger",
    action: "job.create",
    auditsItself: true,
    handle: trigger,
  },
  {
    method: "DELETE",
    path: "/api/v1/templates/:name",
    permission: "jobs.create",
    action: "template.delete",
    handle: remove,
  },
];

function create(context: RouteContext<TemplateRequest>): Response {
  const { c, engine, body, token, scope, resource, now } = context;
  const { name, job } = body;
  Object.assign(resource, { template: name, command: job.command });
  if (scope.isRestricted) {
    // Others would run what it defines with their own tokens.
    throw new WsctlError("FORBIDDEN", `Cannot create template "${name}": this token is restricted`);
  }
  const definition: Definition<"template"> = {
    ...{ kind: "template", name, value: body, createdAt: now, createdBy: token.tokenId },
    ...(token.name === undefined ? {} : { createdByName: token.name }),
  };
  engine.journal.definitions.add(definition);
  return c.json(view(engine, definition), 201);
}

function list({ c, engine, scope }: RouteContext): Response {
  const all = engine.journal.definitions.all("template");
  const seen = all.filter(({ value }) => scope.allowsCommand(value.job.command));
  const page: Page<TemplateView> = { items: seen.map((each) => view(engine, each)) };
  return c.json(page);
}

function show(context: RouteContext): Response {
  return context.c.json(view(context.engine, find(context)));
}

/** Answers like the route that creates jobs. */
function run(context: RouteContext<TemplateRun>): Promise<Response> {
  const { value } = find(context);
  return submit(context, buildTemplateJob(value, context.body), { template: value.name });
}

/**
 * Starts the job of a template for another program, such as a webhook. The body is ignored, because
 * its sender decides what it is. Parameters are texts in the query.
 */
function trigger(context: RouteContext): Promise<Response> {
  const { c, token } = context;
  const name = c.req.param("name") ?? "";
  if (token.role === "trigger" && token.template !== name) {
    throw new WsctlError("FORBIDDEN", `Token may only trigger template "${token.template}"`);
  }
  const { value } = find(context);
  const jobRequest = buildTemplateJob(value, { parameters: c.req.query() });
  return submit(context, jobRequest, { template: name });
}

function remove(context: RouteContext): Response {
  const { name } = find(context);
  if (context.scope.isRestricted) {
    throw new WsctlError("FORBIDDEN", `Cannot delete template "${name}": this token is restricted`);
  }
  context.engine.journal.definitions.remove("template", name);
  return context.c.body(null, 204);
}

function find({ c, engine, scope }: RouteContext): Definition<"template"> {
  return findTemplate(engine, scope, c.req.param("name") ?? "");
}

/**
 * Finds a template, unless the token may not run its command.
 * @throws {WsctlError} NOT_FOUND
 */
export function findTemplate(
  { journal }: Engine,
  scope: AgentScope,
  name: string,
): Definition<"template"> {
  const found = journal.definitions.get("template", name);
  if (found !== undefined && scope.allowsCommand(found.value.job.command)) return found;
  throw new WsctlError(
    "NOT_FOUND",
    `Unknown template "${name}". List the templates to see their names`,
  );
}

function view({ capabilities }: Engine, found: Definition<"template">): TemplateView {
  const { value, createdAt, createdBy, createdByName: name } = found;
  return {
    ...value,
    job: maskJob(value.job, capabilities),
    created_at: timestamp(createdAt),
    created_by: createdBy,
    ...(name === undefined ? {} : { created_by_name: name }),
  };
}
