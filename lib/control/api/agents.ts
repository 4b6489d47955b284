/** Agents over HTTP: listed by id, shown with their recent figures. */
import { v4 as newSeed } from "uuid";
import type * as v from "valibot";
import { matches, parseSelector } from "../../protocol/api/selector.ts";
import { TargetQuery, type TargetView } from "../../protocol/api/target.ts";
import { type AgentView, LabelChanges, type Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { amended } from "../core/agents/agentUpdate.ts";
import { fieldOf } from "../core/agents/labels.ts";
import { resolveTarget, seeded } from "../core/agents/resolveTarget.ts";
import type { Amendment } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import { figuresOf } from "../metrics/timeSeries.ts";
import { type AgentStanding, agentDetail, agentView } from "../views/views.ts";
import { type Route, type RouteContext, readNumber, routeWithBody } from "./route.ts";

export const agentRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/targets",
    permission: "agents.read",
    body: TargetQuery,
    handle: showTarget,
  }),
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
  routeWithBody({
    method: "POST",
    path: "/api/v1/agents/:agent_id/labels",
    permission: "agents.manage",
    action: "agent.label",
    body: LabelChanges,
    handle: label,
  }),
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/drain",
    permission: "agents.manage",
    action: "agent.drain",
    handle: (context) => amend(context, { drained: true }),
  },
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/undrain",
    permission: "agents.manage",
    action: "agent.undrain",
    handle: (context) => amend(context, { drained: false }),
  },
  {
    method: "DELETE",
    path: "/api/v1/agents/:agent_id",
    permission: "agents.manage",
    action: "agent.forget",
    shutsOut: true,
    handle: forget,
  },
];

/** By id; `selector` chooses, and `latency=true` has the way to each measured, for the next look. */
function listAgents({ c, engine, scope, now }: RouteContext): Response {
  const limit = readNumber(c, "limit", { least: 1, most: 1000, otherwise: 1000 });
  const after = c.req.query("cursor") ?? "";
  const text = c.req.query("selector");
  const selector = text === undefined ? undefined : parseSelector(text);
  const withLatency = c.req.query("latency") === "true";
  const seen = [...scope.within(engine.core.fleet.agents)].filter(([agentId, { facts }]) => {
    if (agentId <= after) return false;
    return selector === undefined || matches(selector, (name) => fieldOf(facts, name));
  });
  const ids = seen.map(([agentId]) => agentId).sort();
  const shown = ids.slice(0, limit);
  const page: Page<AgentView> = {
    items: shown.map((id) => {
      const latencyMs = withLatency ? engine.latencyOf(id) : undefined;
      const view = agentView(engine.core.fleet.agent(id), {
        ...standing(engine, id, now),
        latencyMs,
      });
      return scope.isNarrow ? withoutOthers(view) : view;
    }),
  };
  const last = shown.at(-1);
  if (ids.length > limit && last !== undefined) page.next_cursor = last;
  return c.json(page);
}

/** Whom a job would be for. */
function showTarget(context: RouteContext<v.InferOutput<typeof TargetQuery>>): Response {
  const { c, body: query, engine, scope } = context;
  const { target, seed } = seeded(query.target, newSeed());
  const known = scope.within(engine.core.fleet.agents);
  const { agents, ...leftOut } = resolveTarget(target, known, {
    requireOnline: query.require_online,
    seed,
  });
  const view: TargetView = {
    agents: agents.map((agentId) => {
      return { agent_id: agentId, online: known.get(agentId)?.session !== undefined };
    }),
    ...leftOut,
    ...(target.seed === undefined ? {} : { seed: target.seed }),
  };
  return c.json(view);
}

function showAgent({ c, engine, scope, now }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  const agent = engine.core.fleet.agents.get(agentId);
  if (agent === undefined || !scope.sees(agent)) {
    throw new WsctlError("NO_MATCH", "no such agent; list them to see their ids");
  }
  const commands = engine.catalogues.of(agent.facts.catalogue);
  const listed = commands === undefined ? undefined : [...commands.values()];
  const figures = figuresOf(engine.journal.figures, agentId, agent.figures ?? [], now);
  const detail = agentDetail(agent, standing(engine, agentId, now), listed, figures);
  return c.json(scope.isNarrow ? withoutOthers(detail) : detail);
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
function revoke(context: RouteContext): Response {
  const { c, revocations } = context;
  const agentId = knownAgent(context);
  return c.json({ agent_id: agentId, revoked_tokens: revocations.revokeAgent(agentId) });
}

function label(context: RouteContext<v.InferOutput<typeof LabelChanges>>): Response {
  const { labels } = context.body;
  Object.assign(context.about, { labels });
  return amend(context, { labels });
}

/** Answers with the agent as it is then. */
function amend(context: RouteContext, amendment: Amendment): Response {
  const { c, engine, now } = context;
  const agentId = knownAgent(context);
  // Before the event: what cannot be is refused, not half done.
  amended(engine.core.fleet.agent(agentId).facts, amendment);
  engine.amend({ type: "amend", agentId, ...amendment });
  return c.json(agentView(engine.core.fleet.agent(agentId), standing(engine, agentId, now)));
}

/** Of one that is away: its record, its tokens, and what waits for it. What it did stays on record. */
function forget(context: RouteContext): Response {
  const { c, engine, revocations } = context;
  const agentId = knownAgent(context);
  if (engine.core.fleet.agents.get(agentId)?.session !== undefined) {
    const text = "it is connected, and would be known again at once: stop it, or revoke it first";
    throw new WsctlError("CONFLICT", text);
  }
  engine.tell({ type: "withdraw", agentId, reason: "the agent was forgotten; it never started" });
  revocations.revokeAgent(agentId);
  engine.amend({ type: "forget", agentId });
  engine.journal.figures.forgetAgent(agentId);
  return c.body(null, 204);
}

/** How others' jobs ended is nothing to a narrowed token. */
function withoutOthers<View extends AgentView>({ last_outcome: _last, ...view }: View) {
  return view;
}

function knownAgent({ c, engine }: RouteContext): string {
  const agentId = c.req.param("agent_id") ?? "";
  if (engine.core.fleet.agents.has(agentId)) return agentId;
  throw new WsctlError("NO_MATCH", "no such agent; list them to see their ids");
}

function standing(engine: Engine, agentId: string, now: number): AgentStanding {
  const states = engine.journal.tokens.ofAgent(agentId, now).map(({ state }) => state);
  const openRequests = engine.core.dispatcher?.requests.countOf(agentId) ?? 0;
  if (states.includes("active")) return { openRequests, shutOut: undefined };
  const [state] = states;
  return { openRequests, shutOut: state === "active" || state === undefined ? "revoked" : state };
}
