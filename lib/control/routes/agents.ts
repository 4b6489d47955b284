/** Agents over HTTP: listed by id, shown with their recent figures. */
import type { AgentView, Page } from "../../protocol/api.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Engine } from "../engine.ts";
import { agentDetail, agentView } from "../views.ts";
import { type Route, type RouteContext, readNumber } from "./route.ts";

export const agentRoutes: Route[] = [
  { method: "GET", path: "/api/v1/agents", role: "operator", handle: listAgents },
  { method: "GET", path: "/api/v1/agents/:agent_id", role: "operator", handle: showAgent },
];

function listAgents({ c, engine }: RouteContext): Response {
  const limit = readNumber(c, "limit", { least: 1, most: 1000, otherwise: 1000 });
  const after = c.req.query("cursor") ?? "";
  const ids = [...engine.core.fleet.agents.keys()].filter((agentId) => agentId > after).sort();
  const shown = ids.slice(0, limit);
  const page: Page<AgentView> = {
    items: shown.map((id) => agentView(engine.core.fleet.agent(id), openRequests(engine, id))),
  };
  const last = shown.at(-1);
  if (ids.length > limit && last !== undefined) page.next_cursor = last;
  return c.json(page);
}

function showAgent({ c, engine }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  const agent = engine.core.fleet.agents.get(agentId);
  if (agent === undefined) {
    throw new WsctlError("NO_MATCH", "no such agent; list them to see their ids");
  }
  const commands = engine.catalogues.of(agent.facts.catalogue);
  const listed = commands === undefined ? undefined : [...commands.values()];
  return c.json(agentDetail(agent, openRequests(engine, agentId), listed));
}

function openRequests(engine: Engine, agentId: string): number {
  return engine.core.dispatcher?.openCountOf(agentId) ?? 0;
}
