/** HTTP routes of saved targets. */
import { SavedTargetRequest, type SavedTargetView } from "../../protocol/api/target.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Definition } from "../journal/tables/definitionTable.ts";
import { type Route, type RouteContext, routeWithBody } from "./route.ts";

export const savedTargetRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/saved-targets",
    permission: "jobs.create",
    action: "target.create",
    body: SavedTargetRequest,
    handle: create,
  }),
  { method: "GET", path: "/api/v1/saved-targets", permission: "jobs.read", handle: list },
  {
    method: "DELETE",
    path: "/api/v1/saved-targets/:name",
    permission: "jobs.create",
    action: "target.delete",
    handle: remove,
  },
];

/** A restricted token creates none, because other operators would use what it defines. */
function create({
  c,
  engine,
  body,
  token,
  scope,
  resource,
  now,
}: RouteContext<SavedTargetRequest>) {
  const { name } = body;
  if (scope.isRestricted) {
    const text = `Cannot create target "${name}": this token is restricted`;
    throw new WsctlError("FORBIDDEN", text);
  }
  resource.target = name;
  const definition: Definition<"target"> = {
    ...{ kind: "target", name, value: body, createdAt: now, createdBy: token.tokenId },
    ...(token.name === undefined ? {} : { createdByName: token.name }),
  };
  engine.journal.definitions.add(definition);
  return c.json(view(definition), 201);
}

function list({ c, engine }: RouteContext): Response {
  const page: Page<SavedTargetView> = {
    items: engine.journal.definitions.all("target").map(view),
  };
  return c.json(page);
}

function remove({ c, engine, scope }: RouteContext): Response {
  const name = c.req.param("name") ?? "";
  if (!scope.isRestricted && engine.journal.definitions.remove("target", name)) {
    return c.body(null, 204);
  }
  throw new WsctlError("NOT_FOUND", `Unknown saved target "${name}". List them to see their names`);
}

function view({
  value,
  createdAt,
  createdBy,
  createdByName: name,
}: Definition<"target">): SavedTargetView {
  return {
    ...value,
    created_at: timestamp(createdAt),
    created_by: createdBy,
    ...(name === undefined ? {} : { created_by_name: name }),
  };
}
