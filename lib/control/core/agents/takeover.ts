/**
 * Detects two live agents with the same id, as opposed to a reconnect. When a live connection is
 * replaced, the new process gets a new journal id. If the replaced process then connects again,
 * both processes are alive.
 */
import type { ControlTransition } from "../transition.ts";
import { type AgentState, connectedRecord, type ReplacedSession, type Session } from "./session.ts";

export function replacedSession(agent: AgentState, replaced: Session): ReplacedSession {
  const { instanceId = agent.replaced?.instanceId ?? "unknown", address } = replaced;
  const { hostname } = agent.record;
  return { instanceId, location: hostname === undefined ? address : `${hostname} at ${address}` };
}

/**
 * Records the takeover, and logs a warning with both locations if the replaced process has come
 * back.
 */
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
  const text = `has a duplicate: another process with this agent id runs on ${from.location}. Stop one of them`;
  t.log("warn", session.agentId, text);
}
