/**
 * One name and two processes: a restart behind a connection that was not known to be broken, or a
 * copy of the agent that lives as well. The second one is given a memory of its own either way;
 * which of the two it was shows when the first one comes back.
 */
import type { ControlTransition } from "../transition.ts";
import { type Agent, connectedFacts, type PushedOut, type Session } from "./session.ts";

export function pushedOut(agent: Agent, replaced: Session): PushedOut {
  const { instanceId = agent.pushedOut?.instanceId ?? "unknown", address } = replaced;
  const { hostname } = agent.facts;
  return { instanceId, place: hostname === undefined ? address : `${hostname} at ${address}` };
}

/** Notes it, and names both where the one that was pushed out before has come back. */
export function noteTakeover(agent: Agent, session: Session, t: ControlTransition): void {
  const { pushedOut: from, formerInstanceId } = agent;
  if (from === undefined) return;
  const isCopy = formerInstanceId !== undefined && formerInstanceId === session.instanceId;
  agent.formerInstanceId = from.instanceId;
  const copy = isCopy ? { copy: from.place } : {};
  const { copy: _before, ...known } = agent.facts;
  agent.facts = { ...known, takenOverAt: t.now, ...copy };
  const facts = connectedFacts(session);
  const on = { ...facts.on, ...copy };
  t.write({ type: "audit", at: t.now, facts: { ...facts, action: "agent.takeover", on } });
  if (!isCopy) return;
  const text = `runs twice, here and on ${from.place}: both live and take turns; stop one of them`;
  t.log("warn", session.agentId, text);
}
