/** HTTP routes of webhooks. Only creation returns the secret. */
import { randomBytes } from "node:crypto";
import { type NewWebhook, WebhookRequest, type WebhookView } from "../../protocol/api/events.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Definition } from "../journal/tables/definitionTable.ts";
import { type Route, type RouteContext, routeWithBody } from "./route.ts";

export const webhookRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/webhooks",
    permission: "webhooks.manage",
    needsConfirmation: true,
    action: "webhook.create",
    body: WebhookRequest,
    handle: create,
  }),
  { method: "GET", path: "/api/v1/webhooks", permission: "webhooks.manage", handle: list },
  { method: "GET", path: "/api/v1/webhooks/:name", permission: "webhooks.manage", handle: show },
  {
    method: "POST",
    path: "/api/v1/webhooks/:name/test",
    permission: "webhooks.manage",
    action: "webhook.test",
    handle: test,
  },
  {
    method: "DELETE",
    path: "/api/v1/webhooks/:name",
    permission: "webhooks.manage",
    action: "webhook.delete",
    handle: remove,
  },
];

const secretBytes = 32;

/** It gets the events from now on. */
function create(context: RouteContext<WebhookRequest>): Response {
  const { c, engine, events, webhooks, body, token, resource, now } = context;
  const { name } = body;
  resource.webhook = name;
  const secret = randomBytes(secretBytes).toString("base64");
  const definition: Definition<"webhook"> = {
    ...{ kind: "webhook", name, createdAt: now, createdBy: token.tokenId },
    value: { ...body, secret, deliveredThrough: events.head, deadLetters: [] },
    ...(token.name === undefined ? {} : { createdByName: token.name }),
  };
  engine.journal.definitions.add(definition);
  webhooks.add(name);
  const made: NewWebhook = { ...view(context, definition), secret: `whsec_${secret}` };
  return c.json(made, 201);
}

function list(context: RouteContext): Response {
  const all = context.engine.journal.definitions.all("webhook");
  const page: Page<WebhookView> = { items: all.map((each) => view(context, each)) };
  return context.c.json(page);
}

function show(context: RouteContext): Response {
  return context.c.json(view(context, find(context)));
}

function test(context: RouteContext): Promise<Response> {
  return context.webhooks.test(find(context)).then((answer) => context.c.json(answer));
}

function remove(context: RouteContext): Response {
  const { name } = find(context);
  context.engine.journal.definitions.remove("webhook", name);
  return context.c.body(null, 204);
}

function find({ c, engine }: RouteContext): Definition<"webhook"> {
  const name = c.req.param("name") ?? "";
  const found = engine.journal.definitions.get("webhook", name);
  if (found !== undefined) return found;
  throw new WsctlError(
    "NOT_FOUND",
    `Unknown webhook "${name}". List the webhooks to see their names`,
  );
}

function view({ webhooks }: RouteContext, found: Definition<"webhook">): WebhookView {
  const { name, value, createdAt, createdBy, createdByName } = found;
  const failing = webhooks.failing(name);
  return {
    ...{ name, url: value.url, events: value.events, created_at: timestamp(createdAt) },
    created_by: createdBy,
    ...(createdByName === undefined ? {} : { created_by_name: createdByName }),
    delivered_through: value.deliveredThrough,
    ...(failing === undefined ? {} : { failing }),
    dead_letters: value.deadLetters,
  };
}
