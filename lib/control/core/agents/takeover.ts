/**
 * One name and two processes: a restart behind a connection that was not known to be broken, or a
 * copy of the agent that lives as well. The second one is given a memory of its own either way;
 * which of the two it was shows when the first one comes back.
 */
import type { ControlStep } from "../model.ts";
import { type Agent, connectedFacts, type Session } from "./session.ts";

/** The process whose living connection was taken over. */
export interface PushedOut {
  /** Of one that never introduced itself, that of the one before it; else no process's. */
  instanceId: string;
  /** Where it was, as people know it. */
  place: string;
}

export function pushedOut(agent: Agent, replaced: Session): PushedOut {
  const { instanceId = agent.pushedOut?.instanceId ?? "unknown", address } = replaced;
  const { hostname } = agent.facts;
  return { instanceId, place: hostname === undefined ? address : `${hostname} at ${address}` };
}

/** Notes it, and names both where the one that was pushed out before has come back. */
export function noteTakeover(agent: Agent, session: Session, now: number, step: ControlStep): void {
  const { pushedOut: from, formerInstanceId } = agent;
  if (from === undefined) return;
  const isCopy = formerInstanceId !== undefined && formerInstanceId === session.instanceId;
  agent.formerInstanceId = from.instanceId;
  const copy = isCopy ? { copy: from.place } : {};
  const { copy: _before, ...known } = agent.facts;
  agent.facts = { ...known, takenOverAt: now, ...copy };
  const facts = connectedFacts(session);
  const on = { ...facts.on, ...copy };
  step.writes.push({ type: "audit", at: now, facts: { ...facts, action: "agent.takeover", on } });
  if (!isCopy) return;
  const text = `runs twice, here and on ${from.place}: both live and take turns; stop one of them`;
  step.effects.push({ type: "log", level: "warn", text, agent: session.agentId });
}
