/** An agent and its one connection, as the fleet keeps them. */
import type { AuditDetails } from "../../../protocol/api/audit.ts";
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import { heartbeatsMissedMax } from "../../../protocol/limits.ts";
import type { CloseName } from "../../../protocol/wire/closeCodes.ts";
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import { protocolVersion } from "../../../protocol/wire/version.ts";
import type { AgentRecord, ControlEffect, NewSession, Outcome } from "../model.ts";
import type { ConnectedAgent } from "../requests/requestTable.ts";
import type { MetricsHour } from "./metricsHour.ts";
import type { Pacing } from "./pacing.ts";
import type { RateLimiter } from "./rateLimiter.ts";

export interface Session extends NewSession {
  lastMessageAt: number;
  /** Whether it was found silent once and is on its last chance. */
  isProbed: boolean;
  /** What it was told in its latest `welcome`; decides how long its silence may last. */
  pacing: Pacing;
  journalId?: string;
  /** Of the agent's process, from its `hello`. */
  instanceId?: string;
  rateLimiter: RateLimiter;
}

/** The process whose living connection was taken over. */
export interface ReplacedSession {
  /** Of one that never introduced itself, that of the one before it; else no process's. */
  instanceId: string;
  /** Where it was, as people know it. */
  location: string;
}

export interface AgentState {
  record: AgentRecord;
  session: Session | undefined;
  /** The process whose living connection was taken over, until one has introduced itself since. */
  replaced?: ReplacedSession | undefined;
  /** The one that was pushed out by another, the last time that this happened. */
  formerInstanceId?: string | undefined;
  /** Latest metrics, in the peer's own words; kept when it goes offline. */
  cpuUsage?: string;
  memoryUsage?: string;
  /** How its latest request ended, as far as this process has seen it. */
  lastOutcome?: { outcome: OutcomeKind; code?: string; at: number };
  /** Of this hour, and of hours that are not on disk yet. */
  metrics?: MetricsHour[];
}

/** Whether it may be given commands: a peer of `wsctl.v1` must have said hello. */
export function hasHello(session: Session): boolean {
  return !session.isExtended || session.journalId !== undefined;
}

export function quietMs(session: Session): number {
  return session.pacing.heartbeatSeconds * 1000 * heartbeatsMissedMax;
}

export function closing(sessionId: number, name: CloseName, reason: string): ControlEffect {
  return { type: "close", sessionId, name, reason };
}

/** The connection as the dispatcher needs to know it. */
export function toPeer(session: Session): ConnectedAgent {
  const { sessionId, agentId, isExtended, journalId } = session;
  return { sessionId, agentId, isExtended, ...(journalId === undefined ? {} : { journalId }) };
}

/** The agent's connection, or one that leads nowhere. */
export function findPeer(
  { agents }: { agents: ReadonlyMap<string, AgentState> },
  agentId: string,
): ConnectedAgent {
  const session = agents.get(agentId)?.session;
  return session === undefined ? { sessionId: -1, agentId, isExtended: false } : toPeer(session);
}

/** How the latest request of an agent ended. */
export function recordLastOutcome(
  { agents }: { agents: ReadonlyMap<string, AgentState> },
  { agentId, outcome, code, endedAt: at }: Outcome,
): void {
  const agent = agents.get(agentId);
  if (agent !== undefined) agent.lastOutcome = { outcome, at, ...(code ? { code } : {}) };
}

/** For the audit trail. */
export function connectedRecord({
  agentId: agent,
  tokenId: actor,
  address,
}: NewSession): AuditDetails {
  return { action: "agent.connect", outcome: "accepted", actor, address, resource: { agent } };
}

/** The answer to its `hello`, and again whenever the advice has changed. */
export function buildWelcome(
  session: Session,
  facts: AgentRecord,
  isWanted: boolean,
): ControlDraft {
  const { journalId = session.freshJournalId, epoch = 0 } = facts;
  return {
    type: "welcome",
    payload: {
      protocol_version: protocolVersion,
      agent_id: session.agentId,
      journal_id: journalId,
      epoch,
      heartbeat_seconds: session.pacing.heartbeatSeconds,
      reconnect_seconds: session.pacing.reconnectSeconds,
      ...(isWanted ? { send_capabilities: true } : {}),
    },
  };
}
