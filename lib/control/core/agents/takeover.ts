/**
 * One name and two processes: a restart behind a connection that was not known to be broken, or a
 * copy of the agent that lives as well. The second one is given a memory of its own either way;
 * which of the two it was shows when the first one comes back.
 */
import type { ControlTransition } from "../transition.ts";
import { type AgentState, connectedRecord, type ReplacedSession, type Session } from "./session.ts";

export function replacedSession(agent: AgentState, replaced: Session): ReplacedSession {
  const { instanceId = agent.replaced?.instanceId ?? "unknown", address } = replaced;
  const { hostname } = agent.record;
  return { instanceId, location: hostname === undefined ? address : `${hostname} at ${address}` };
}

/** Notes it, and names both where the one that was pushed out before has come back. */
export function recordTakeover(agent: AgentState, session: Session, t: ControlTransition): void {
  const { replaced: from, formerInstanceId } = agent;
  if (from === undefined) return;
  const isCopy = formerInstanceId !== undefined && formerInstanceId === session.instanceId;
  agent.formerInstanceId = from.instanceId;
  const duplicate = isCopy ? { duplicateLocation: from.location } : {};
  const { duplicateLocation: _before, ...known } = agent.record;
  agent.record = { ...known, replacedAt: t.now, ...duplicate };
  const facts = connectedRecord(session);
  const resource = { ...facts.resource, ...(isCopy ? { duplicate_location: from.location } : {}) };
  t.write({
    type: "appendAudit",
    at: t.now,
    facts: { ...facts, action: "agent.takeover", resource },
  });
  if (!isCopy) return;
  const text = `runs twice, here and on ${from.location}: both live and take turns; stop one of them`;
  t.log("warn", session.agentId, text);
}
