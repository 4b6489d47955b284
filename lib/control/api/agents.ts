/** HTTP routes that list, show, approve, revoke, label, drain and delete agents. */
import { v4 as newSeed } from "uuid";
import type * as v from "valibot";
import { matches, parseSelector, replaceSaved } from "../../protocol/api/selector.ts";
import { TargetQuery, type TargetView } from "../../protocol/api/target.ts";
import { type AgentView, LabelChanges, type Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { applyUpdate } from "../core/agents/agentUpdate.ts";
import { readField } from "../core/agents/labels.ts";
import { resolveTarget, shuffleBySeed } from "../core/agents/resolveTarget.ts";
import type { AgentUpdate } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import { findSavedTarget } from "../jobs/savedTarget.ts";
import { buildMetrics } from "../metrics/timeSeries.ts";
import { type AgentStatus, agentDetail, agentView } from "../views/views.ts";
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
    needsConfirmation: true,
    action: "agent.approve",
    handle: approveAgent,
  },
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/revoke",
    permission: "agents.manage",
    action: "agent.revoke",
    blocksAgents: true,
    handle: revokeAgent,
  },
  routeWithBody({
    method: "POST",
    path: "/api/v1/agents/:agent_id/labels",
    permission: "agents.manage",
    action: "agent.label",
    body: LabelChanges,
    handle: labelAgent,
  }),
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/drain",
    permission: "agents.manage",
    action: "agent.drain",
    handle: (context) => updateAgent(context, { drained: true }),
  },
  {
    method: "POST",
    path: "/api/v1/agents/:agent_id/undrain",
    permission: "agents.manage",
    action: "agent.undrain",
    handle: (context) => updateAgent(context, { drained: false }),
  },
  {
    method: "DELETE",
    path: "/api/v1/agents/:agent_id",
    permission: "agents.manage",
    action: "agent.delete",
    blocksAgents: true,
    handle: deleteAgent,
  },
];

/**
 * Lists agents by id. `selector` filters them; `latency=true` starts a latency measurement for each
 * agent, whose result the next call returns.
 */
function listAgents({ c, engine, scope, now }: RouteContext): Response {
  const limit = readNumber(c, "limit", { least: 1, most: 1000, otherwise: 1000 });
  const after = c.req.query("cursor") ?? "";
  const text = c.req.query("selector");
  const saved = (name: string) => findSavedTarget(engine.journal.definitions, name);
  const selector = text === undefined ? undefined : replaceSaved(parseSelector(text), saved);
  const withLatency = c.req.query("latency") === "true";
  const seen = [...scope.within(engine.core.registry.agents)].filter(([agentId, { record }]) => {
    if (agentId <= after) return false;
    return selector === undefined || matches(selector, (name) => readField(record, name));
  });
  const ids = seen.map(([agentId]) => agentId).sort();
  const shown = ids.slice(0, limit);
  const page: Page<AgentView> = {
    items: shown.map((id) => {
      const latencyMs = withLatency ? engine.latency(id) : undefined;
      const view = agentView(engine.core.registry.agent(id), {
        ...readStatus(engine, id, now),
        latencyMs,
      });
      return scope.isRestricted ? visibleOnly(view) : view;
    }),
  };
  const last = shown.at(-1);
  if (ids.length > limit && last !== undefined) page.next_cursor = last;
  return c.json(page);
}

/** Resolves a target without creating a job. */
function showTarget(context: RouteContext<v.InferOutput<typeof TargetQuery>>): Response {
  const { c, body: query, engine, scope, now } = context;
  const { target, seed } = shuffleBySeed(query.target, newSeed());
  const all = engine.core.registry.agents;
  const known = scope.within(all);
  const { agents, skipped } = resolveTarget(target, known, {
    hasAgents: all.size > 0,
    requireOnline: query.require_online,
    seed,
    blocked: (ids) => engine.journal.tokens.blocked(ids, now),
    saved: (name) => findSavedTarget(engine.journal.definitions, name),
  });
  const view: TargetView = {
    agents: agents.map((agentId) => {
      return { agent_id: agentId, online: known.get(agentId)?.session !== undefined };
    }),
    skipped,
    ...(target.seed === undefined ? {} : { seed: target.seed }),
  };
  return c.json(view);
}

function showAgent({ c, engine, scope, now }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  const agent = engine.core.registry.agents.get(agentId);
  if (agent === undefined || !scope.sees(agent)) {
    throw unknownAgent(agentId);
  }
  const commands = engine.capabilities.get(agent.record.capabilities);
  const listed = commands === undefined ? undefined : [...commands.values()];
  const metrics = buildMetrics(engine.journal.metrics, agentId, agent.metrics ?? [], now);
  const detail = agentDetail(agent, readStatus(engine, agentId, now), listed, metrics);
  return c.json(scope.isRestricted ? visibleOnly(detail) : detail);
}

/** Allows an agent that has joined to connect. */
function approveAgent({ c, engine, now }: RouteContext): Response {
  const agentId = c.req.param("agent_id") ?? "";
  const { tokens } = engine.journal;
  const pending = tokens.findByAgent(agentId, now).filter(({ state }) => state === "pending");
  if (pending.length === 0) {
    throw new WsctlError(
      "NOT_FOUND",
      `Cannot approve agent "${agentId}": it is not pending approval`,
    );
  }
  for (const { tokenId } of pending) tokens.setState(tokenId, "active");
  return c.json({ agent_id: agentId, approved: true });
}

/** Revokes the agent's tokens and keys and cancels its queued requests. */
function revokeAgent(context: RouteContext): Response {
  const { c, revocations } = context;
  const agentId = knownAgent(context);
  return c.json({ agent_id: agentId, revoked_tokens: revocations.revokeAgent(agentId) });
}

function labelAgent(context: RouteContext<v.InferOutput<typeof LabelChanges>>): Response {
  const { labels } = context.body;
  Object.assign(context.resource, { labels });
  return updateAgent(context, { labels });
}

/** Applies the update and returns the updated agent. */
function updateAgent(context: RouteContext, update: AgentUpdate): Response {
  const { c, engine, now } = context;
  const agentId = knownAgent(context);
  // Throws before the event is applied, so that an invalid update changes nothing.
  applyUpdate(engine.core.registry.agent(agentId).record, update);
  engine.applyAgentAction({ type: "agentUpdated", agentId, ...update });
  return c.json(agentView(engine.core.registry.agent(agentId), readStatus(engine, agentId, now)));
}

/**
 * Deletes the record, the tokens and the queued requests of an offline agent. Its job history is
 * kept.
 */
function deleteAgent(context: RouteContext): Response {
  const { c, engine, revocations } = context;
  const agentId = knownAgent(context);
  if (engine.core.registry.agents.get(agentId)?.session !== undefined) {
    const text = `Cannot delete agent "${agentId}": it is online. Stop or revoke it first`;
    throw new WsctlError("CONFLICT", text);
  }
  engine.notify({
    type: "cancelMatching",
    agentId,
    reason: "The agent was deleted; the request never started",
  });
  revocations.revokeAgent(agentId);
  engine.applyAgentAction({ type: "agentDeleted", agentId });
  engine.journal.metrics.deleteAgent(agentId);
  return c.body(null, 204);
}

/** Removes the outcome of other operators' jobs, which a restricted token must not see. */
function visibleOnly<View extends AgentView>({ last_outcome: _last, ...view }: View) {
  return view;
}

function knownAgent({ c, engine }: RouteContext): string {
  const agentId = c.req.param("agent_id") ?? "";
  if (engine.core.registry.agents.has(agentId)) return agentId;
  throw unknownAgent(agentId);
}

function unknownAgent(agentId: string): WsctlError {
  const lower = agentId.toLowerCase();
  const fix =
    lower === agentId
      ? "List the agents to see their ids"
      : `IDs of agents are in lower case: use "${lower}"`;
  return new WsctlError("NO_MATCH", `Unknown agent "${agentId}". ${fix}`);
}

function readStatus(engine: Engine, agentId: string, now: number): AgentStatus {
  const openRequests = engine.core.dispatcher?.requests.openCount(agentId) ?? 0;
  const access = engine.journal.tokens.blocked([agentId], now).get(agentId) ?? "active";
  return { openRequests, access };
}
