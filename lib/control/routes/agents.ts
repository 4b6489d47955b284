/** Agents over HTTP: listed by id, shown with their recent figures. */
import type { AgentView, Page } from "../../protocol/api.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Engine } from "../engine.ts";
import { type AgentStanding, agentDetail, agentView } from "../views.ts";
import { type Route, type RouteContext, readNumber } from "./route.ts";

export const agentRoutes: Route[] = [
  { method: "GET", path: "/api/v1/agents", permission: "agents.read", handle: listAgents },
  { method: "GET", path: "/api/v1/agents/:agent_id", permission: "agents.read", handle: showAgent },
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/approve",
    permission: "agents.manage",
    action: "agent.approve",
    handle: approve,
  },
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/revoke",
    permission: "agents.manage",
    action: "agent.revoke",
    shutsOut: true,
    handle: revoke,
  },
];

function listAgents({ c, engine, scope, now }: RouteContext): Response {
  const limit = readNumber(c, "limit", { least: 1, most: 1000, otherwise: 1000 });
  const after = c.req.query("cursor") ?? "";
  const seen = scope.within(engine.core.fleet.agents);
  const ids = [...seen.keys()].filter((agentId) => agentId > after).sort();
  const shown = ids.slice(0, limit);
  const page: Page<AgentView> = {
    items: shown.map((id) => agentView(engine.core.fleet.agent(id), standing(engine, id, now))),
  };
  const last = shown.at(-1);
  if (ids.length > limit && last !== undefined) page.next_cursor = last;
  return c.json(page);
}

function showAgent({ c, engine, scope, now }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  const agent = engine.core.fleet.agents.get(agentId);
  if (agent === undefined || !scope.sees(agent)) {
    throw new WsctlError("NO_MATCH", "no such agent; list them to see their ids");
  }
  const commands = engine.catalogues.of(agent.facts.catalogue);
  const listed = commands === undefined ? undefined : [...commands.values()];
  return c.json(agentDetail(agent, standing(engine, agentId, now), listed));
}

/** An agent that has joined may connect from now on. */
function approve({ c, engine, now }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  const { tokens } = engine.journal;
  const pending = tokens.ofAgent(agentId, now).filter(({ state }) => state === "pending");
  if (pending.length === 0) {
    throw new WsctlError("NOT_FOUND", "no agent of this name waits for approval");
  }
  for (const { tokenId } of pending) tokens.setState(tokenId, "active");
  return c.json({ agent_id: agentId, approved: true });
}

/** None of its tokens and keys is good any more; what waits for it never goes out. */
function revoke({ c, engine, revocations }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  if (!engine.core.fleet.agents.has(agentId)) {
    throw new WsctlError("NO_MATCH", "no such agent; list them to see their ids");
  }
  return c.json({ agent_id: agentId, revoked_tokens: revocations.revokeAgent(agentId) });
}

function standing(engine: Engine, agentId: string, now: number): AgentStanding {
  const states = engine.journal.tokens.ofAgent(agentId, now).map(({ state }) => state);
  const openRequests = engine.core.dispatcher?.openCountOf(agentId) ?? 0;
  if (states.includes("active")) return { openRequests, shutOut: undefined };
  const [state] = states;
  return { openRequests, shutOut: state === "active" || state === undefined ? "revoked" : state };
}
