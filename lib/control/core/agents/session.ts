/** An agent and its one connection, as the registry stores them. */
import type { AuditDetails } from "../../../protocol/api/audit.ts";
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import { heartbeatsMissedMax } from "../../../protocol/limits.ts";
import type { CloseName, SocketClose } from "../../../protocol/wire/closeCodes.ts";
import type { ControlDraft } from "../../../protocol/wire/codec.ts";
import { protocolVersion } from "../../../protocol/wire/version.ts";
import type { AgentRecord, ControlEffect, NewSession, Outcome } from "../model.ts";
import type { ConnectedAgent } from "../requests/requestTable.ts";
import type { MetricsHour } from "./metricsHour.ts";
import type { Pacing } from "./pacing.ts";
import type { RateLimiter } from "./rateLimiter.ts";

export interface Session extends NewSession {
  lastMessageAt: number;
  /**
   * By how much the clock was set since this connection began, in milliseconds. The agent measures
   * the clock when it connects, so this connection keeps that clock.
   */
  clockSetByMs: number;
  /** Whether the session was silent and is in its grace period. */
  isProbed: boolean;
  /** The pacing in its latest `welcome`, which determines its timeout. */
  pacing: Pacing;
  /** The addresses in its latest `welcome`, if there was one. */
  addresses?: readonly string[];
  journalId?: string;
  /** The id of the agent's process, from its `hello`. */
  instanceId?: string;
  rateLimiter: RateLimiter;
}

/** The process whose live connection was replaced. */
export interface ReplacedSession {
  /** If the replaced session sent no `hello`, this is the id of the one before it, or "unknown". */
  instanceId: string;
  /** Host name and address, for people. */
  location: string;
}

export interface AgentState {
  record: AgentRecord;
  session: Session | undefined;
  /** The process whose live connection was replaced, until another process has sent a `hello`. */
  replaced?: ReplacedSession | undefined;
  /** The process that was most recently replaced by another. */
  formerInstanceId?: string | undefined;
  /** Latest metrics as the peer sent them; kept while the agent is offline. */
  cpuUsage?: string;
  memoryUsage?: string;
  /** The outcome of its latest request that this process has seen. */
  lastOutcome?: { outcome: OutcomeKind; code?: string; at: number };
  /** Metrics of this hour and of hours that are not on disk yet. */
  metrics?: MetricsHour[];
}

/** Whether commands may be sent: a peer of `wsctl.v1` must have sent a hello. */
export function hasHello(session: Session): boolean {
  return !session.isExtended || session.journalId !== undefined;
}

/** Handles a clock that was set: the agent was connected and seen as long ago as before. */
export function shiftAgent(agent: AgentState, byMs: number): void {
  const { session, record } = agent;
  const { connectedAt, lastSeenAt } = record;
  const times = {
    ...(connectedAt === undefined ? {} : { connectedAt: connectedAt + byMs }),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: lastSeenAt + byMs }),
  };
  agent.record = { ...record, ...times };
  if (session === undefined) return;
  session.lastMessageAt += byMs;
  session.clockSetByMs += byMs;
  session.rateLimiter.shift(byMs);
}

export function quietMs(session: Session): number {
  return session.pacing.heartbeatSeconds * 1000 * heartbeatsMissedMax;
}

/** The end of a connection without a closing handshake. */
export const connectionLost: SocketClose = { code: 1006, reason: "the connection was lost" };

export function closing(sessionId: number, name: CloseName, reason: string): ControlEffect {
  return { type: "close", sessionId, name, reason };
}

/** Converts the connection to the form that the dispatcher uses. */
export function toPeer(session: Session): ConnectedAgent {
  const { sessionId, agentId, isExtended, journalId, clockSetByMs } = session;
  return {
    sessionId,
    agentId,
    isExtended,
    clockSetByMs,
    ...(journalId === undefined ? {} : { journalId }),
  };
}

/** Returns the agent's connection, or one that drops messages. */
export function findPeer(
  { agents }: { agents: ReadonlyMap<string, AgentState> },
  agentId: string,
): ConnectedAgent {
  const session = agents.get(agentId)?.session;
  const absent = { sessionId: -1, agentId, isExtended: false, clockSetByMs: 0 };
  return session === undefined ? absent : toPeer(session);
}

/** Records the outcome of the latest request of an agent. */
export function recordLastOutcome(
  { agents }: { agents: ReadonlyMap<string, AgentState> },
  { agentId, outcome, code, endedAt: at }: Outcome,
): void {
  const agent = agents.get(agentId);
  if (agent !== undefined) agent.lastOutcome = { outcome, at, ...(code ? { code } : {}) };
}

/** Builds the audit entry of a connection. */
export function connectedRecord({
  agentId: agent,
  tokenId: actor,
  address,
}: NewSession): AuditDetails {
  return { action: "agent.connect", outcome: "accepted", actor, address, resource: { agent } };
}

const noAddresses: readonly string[] = [];

/** The same array as before, unless the nodes have changed. */
export function addressesOf(given: { addresses?(): readonly string[] }): readonly string[] {
  return given.addresses?.() ?? noAddresses;
}

/** Builds the `welcome` message, sent after `hello` and when the pacing changes. */
export function buildWelcome(
  session: Session,
  facts: AgentRecord,
  isWanted: boolean,
): ControlDraft {
  const { journalId = session.freshJournalId, epoch = 0 } = facts;
  const { addresses = [] } = session;
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
      ...(addresses.length < 2 ? {} : { addresses: [...addresses] }),
    },
  };
}
