/** An agent and its one connection, as the fleet keeps them. */
import type { AuditFacts } from "../../../protocol/api/audit.ts";
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import { heartbeatsMissedMax } from "../../../protocol/limits.ts";
import type { CloseName } from "../../../protocol/wire/closeCodes.ts";
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import { protocolVersion } from "../../../protocol/wire/version.ts";
import type { AgentFacts, ControlEffect, NewSession, Outcome } from "../model.ts";
import type { Peer } from "../requests/requestTable.ts";
import type { Hour } from "./metricsHour.ts";
import type { Advice } from "./pacing.ts";
import type { Throttle } from "./rateLimiter.ts";

export interface Session extends NewSession {
  lastHeard: number;
  /** Whether it was found silent once and is on its last chance. */
  isProbed: boolean;
  /** What it was told in its latest `welcome`; decides how long its silence may last. */
  advice: Advice;
  journalId?: string;
  /** Of the agent's process, from its `hello`. */
  instanceId?: string;
  throttle: Throttle;
}

/** The process whose living connection was taken over. */
export interface PushedOut {
  /** Of one that never introduced itself, that of the one before it; else no process's. */
  instanceId: string;
  /** Where it was, as people know it. */
  place: string;
}

export interface Agent {
  facts: AgentFacts;
  session: Session | undefined;
  /** The process whose living connection was taken over, until one has introduced itself since. */
  pushedOut?: PushedOut | undefined;
  /** The one that was pushed out by another, the last time that this happened. */
  formerInstanceId?: string | undefined;
  /** Latest figures, in the peer's own words; kept when it goes offline. */
  cpuUsage?: string;
  memoryUsage?: string;
  /** How its latest request ended, as far as this process has seen it. */
  lastOutcome?: { outcome: OutcomeKind; code?: string; at: number };
  /** Of this hour, and of hours that are not on disk yet. */
  figures?: Hour[];
}

/** Whether it may be given commands: a peer of `wsctl.v1` must have said hello. */
export function isIntroduced(session: Session): boolean {
  return !session.v1 || session.journalId !== undefined;
}

export function silenceMs(session: Session): number {
  return session.advice.heartbeatSeconds * 1000 * heartbeatsMissedMax;
}

export function closing(sessionId: number, name: CloseName, reason: string): ControlEffect {
  return { type: "close", sessionId, name, reason };
}

/** The connection as the dispatcher needs to know it. */
export function peerOf(session: Session): Peer {
  const { sessionId, agentId, v1, journalId } = session;
  return { sessionId, agentId, v1, ...(journalId === undefined ? {} : { journalId }) };
}

/** The agent's connection, or one that leads nowhere. */
export function peerOfAgent(
  { agents }: { agents: ReadonlyMap<string, Agent> },
  agentId: string,
): Peer {
  const session = agents.get(agentId)?.session;
  return session === undefined ? { sessionId: -1, agentId, v1: false } : peerOf(session);
}

/** How the latest request of an agent ended. */
export function noteOutcome(
  { agents }: { agents: ReadonlyMap<string, Agent> },
  { agentId, outcome, code, endedAt: at }: Outcome,
): void {
  const agent = agents.get(agentId);
  if (agent !== undefined) agent.lastOutcome = { outcome, at, ...(code ? { code } : {}) };
}

/** For the audit trail. */
export function connectedFacts({
  agentId: agent,
  tokenId: actor,
  address,
}: NewSession): AuditFacts {
  return { action: "agent.connect", outcome: "accepted", actor, address, on: { agent } };
}

/** The answer to its `hello`, and again whenever the advice has changed. */
export function welcomeOf(session: Session, facts: AgentFacts, isWanted: boolean): ControlDraft {
  const { journalId = session.freshJournalId, epoch = 0 } = facts;
  return {
    type: "welcome",
    payload: {
      protocol_version: protocolVersion,
      agent_id: session.agentId,
      journal_id: journalId,
      epoch,
      heartbeat_seconds: session.advice.heartbeatSeconds,
      reconnect_seconds: session.advice.reconnectSeconds,
      ...(isWanted ? { catalogue_wanted: true } : {}),
    },
  };
}
