/**
 * The registry of agents: every known agent and its one connection. This pure state machine decides
 * which agents are online, which connection replaces another, which agents timed out, which are
 * rejected, and what pacing agents get. It does not handle jobs.
 */
import type { Labels } from "../../../protocol/labels.ts";
import { helloTimeoutMs, pingAfterSilenceMs } from "../../../protocol/limits.ts";
import { type CloseName, closeCodes, type SocketClose } from "../../../protocol/wire/closeCodes.ts";
import type { Capabilities, Hello, StatusUpdate } from "../../../protocol/wire/message.ts";
import { DeadlineQueue } from "../../../time/deadlineQueue.ts";
import type { AgentRecord, AgentUpdate, NewSession } from "../model.ts";
import type { ControlTransition } from "../transition.ts";
import { applyUpdate } from "./agentUpdate.ts";
import { DirtyMetrics } from "./dirtyMetrics.ts";
import { type Pacing, pacingFor, shouldResend } from "./pacing.ts";
import { RateLimiter } from "./rateLimiter.ts";
import {
  type AgentState,
  addressesOf,
  buildWelcome,
  closing,
  connectedRecord,
  connectionLost,
  hasHello,
  quietMs,
  type Session,
  shiftAgent,
} from "./session.ts";
import { recordTakeover, replacedSession } from "./takeover.ts";

export interface AgentRegistryOptions {
  /** The heartbeat interval of a small fleet, in seconds. Larger fleets get a longer one. */
  heartbeatSeconds: number;
  isTls?: boolean;
  /** Whether the capabilities with this digest are stored. */
  hasCapabilities(digest: string): boolean;
  /** Returns the addresses of all nodes, if there are several: the same array until they change. */
  addresses?(): readonly string[];
}

export class AgentRegistry {
  /** Metrics of agents that are not on disk yet. */
  readonly metrics = new DirtyMetrics();
  readonly #options: AgentRegistryOptions;
  readonly #agents = new Map<string, AgentState>();
  readonly #sessions = new Map<number, Session>();
  readonly #deadlines = new DeadlineQueue<Session>();
  #draining = false;

  constructor(options: AgentRegistryOptions, known: AgentRecord[]) {
    this.#options = options;
    for (const record of known) this.#agents.set(record.agentId, { record, session: undefined });
  }

  get agents(): ReadonlyMap<string, AgentState> {
    return this.#agents;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  session(sessionId: number): Session | undefined {
    return this.#sessions.get(sessionId);
  }

  next(): number | undefined {
    return this.#deadlines.next();
  }

  /** Registers an agent that has not connected yet, so that requests can be queued for it. */
  register({ agentId, labels }: { agentId: string; labels?: Labels }, t: ControlTransition): void {
    const known = this.#agents.get(agentId);
    if (known !== undefined && labels === undefined) return;
    const record = { ...known?.record, agentId, ...(labels === undefined ? {} : { labels }) };
    if (known === undefined) this.#agents.set(agentId, { record, session: undefined });
    else known.record = record;
    t.write({ type: "putAgent", facts: record });
  }

  update({ agentId, ...update }: { agentId: string } & AgentUpdate, t: ControlTransition): void {
    const agent = this.agent(agentId);
    agent.record = applyUpdate(agent.record, update);
    t.write({ type: "putAgent", facts: agent.record });
  }

  delete({ agentId }: { agentId: string }, t: ControlTransition): void {
    if (this.#agents.get(agentId)?.session !== undefined) return;
    this.#agents.delete(agentId);
    t.write({ type: "deleteAgent", agentId });
  }

  /** Adds a connection. An older connection of the same agent is closed and removed immediately. */
  open(opened: NewSession, t: ControlTransition): Session | undefined {
    if (this.#draining) {
      t.perform(closing(opened.sessionId, "restarting", "the control plane is shutting down"));
      return undefined;
    }
    this.register({ agentId: opened.agentId }, t);
    const agent = this.agent(opened.agentId);
    const replaced = agent.session;
    if (replaced !== undefined) {
      agent.replaced = replacedSession(agent, replaced);
      this.end(replaced, "takenOver", t);
    }
    const pacing = this.pacing;
    const session: Session = {
      ...opened,
      lastMessageAt: t.now,
      clockSetByMs: 0,
      isProbed: false,
      pacing,
      rateLimiter: new RateLimiter(t.now),
    };
    agent.session = session;
    this.#sessions.set(session.sessionId, session);
    this.#deadlines.set(session, t.now + (session.isExtended ? helloTimeoutMs : quietMs(session)));
    const { address } = opened;
    agent.record = { ...agent.record, address, connectedAt: t.now, lastSeenAt: t.now };
    if (!session.isExtended) this.#helloAccepted(session, t);
    return session;
  }

  /**
   * Handles the `hello` of a `wsctl.v1` peer and replies with `welcome`, before any command.
   *
   * The agent's journal keeps its id only if the agent presents the latest epoch, which every
   * connection increments, and only if the agent is not another process that replaced a live one.
   * So one of two copies of a journal (a cloned machine) is detected, and gets a new journal id.
   */
  hello(session: Session, message: Hello, t: ControlTransition): void {
    const { journal_id, epoch, instance_id, version, hostname, os, arch } = message.payload;
    const { capabilities_digest: digest, labels: ownLabels, lineage } = message.payload;
    const { agentId } = session;
    if (lineage !== undefined) t.perform({ type: "judgeLineage", agentId, lineage });
    const agent = this.agent(agentId);
    const isSameProcess = (agent.replaced?.instanceId ?? instance_id) === instance_id;
    const { journalId, epoch: latest } = agent.record;
    const goesOn = journalId === journal_id && latest === epoch && isSameProcess;
    session.instanceId = instance_id;
    session.journalId = goesOn ? journal_id : session.freshJournalId;
    this.#deadlines.set(session, t.now + quietMs(session));
    const { ownLabels: _before, ...known } = agent.record;
    agent.record = {
      ...known,
      journalId: session.journalId,
      epoch: goesOn ? epoch + 1 : 1,
      version,
      ...(hostname === undefined ? {} : { hostname }),
      ...(os === undefined ? {} : { os }),
      ...(arch === undefined ? {} : { arch }),
      ...(digest === undefined ? {} : { capabilities: digest }),
      ...(ownLabels === undefined ? {} : { ownLabels }),
    };
    if (!isSameProcess) recordTakeover(agent, session, t);
    agent.replaced = undefined;
    this.#helloAccepted(session, t);
    this.#welcome(session, t);
  }

  #helloAccepted(session: Session, t: ControlTransition): void {
    t.write({ type: "putAgent", facts: this.agent(session.agentId).record });
    t.write({ type: "appendAudit", at: t.now, facts: connectedRecord(session) });
    t.log("info", session.agentId, "connected");
  }

  /** Records changed capabilities. Their text is requested if the digest is unknown. */
  announce(
    session: Session,
    { payload: { digest, text } }: Capabilities,
    t: ControlTransition,
  ): void {
    const agent = this.agent(session.agentId);
    if (agent.record.capabilities !== digest) {
      agent.record = { ...agent.record, capabilities: digest };
      t.write({ type: "putAgent", facts: agent.record });
    }
    if (text !== undefined) {
      t.perform({ type: "storeCapabilities", agentId: session.agentId, digest, text });
    } else if (!this.#options.hasCapabilities(digest)) this.#welcome(session, t);
  }

  /** Handles any message as a sign of life, and sends `welcome` again if it would be another. */
  messageReceived(session: Session, t: ControlTransition): void {
    session.lastMessageAt = t.now;
    // Other messages do not extend the hello deadline.
    if (hasHello(session)) session.isProbed = false;
    if (!session.isExtended || session.journalId === undefined) return;
    const isMoved = session.addresses !== addressesOf(this.#options);
    if (isMoved || shouldResend(session.pacing, this.pacing)) this.#welcome(session, t);
  }

  status(session: Session, message: StatusUpdate, now: number): void {
    this.metrics.record(this.agent(session.agentId), message, now);
  }

  /** Handles a clock that was set by a number of milliseconds. */
  clockSet(byMs: number): void {
    this.#deadlines.shift(byMs);
    for (const agent of this.#agents.values()) shiftAgent(agent, byMs);
  }

  /** Closes a connection. The peer is not waited for if it is silent or slow. */
  end(session: Session, name: CloseName, t: ControlTransition): void {
    const { code, meaning: reason } = closeCodes[name];
    if (!this.#delete(session, { code, reason }, t)) return;
    t.perform(closing(session.sessionId, name, reason));
    if (name === "silent" || name === "slowReader") {
      t.perform({ type: "terminate", sessionId: session.sessionId });
    }
  }

  /** Handles a connection that the peer closed. A session that replaced it is kept. */
  closed(session: Session, t: ControlTransition, close = connectionLost): void {
    this.#delete(session, close, t);
  }

  sessions(tokenId: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.tokenId === tokenId);
  }

  /** Disconnects every agent. Their reconnect delays are spread over the reconnect window. */
  drain(t: ControlTransition): void {
    this.startDraining();
    const sessions = [...this.#sessions.values()];
    const spread = this.pacing.reconnectSeconds;
    sessions.forEach((session, index) => {
      const seconds = Math.round((0.5 + (spread * index) / sessions.length) * 100) / 100;
      if (session.isExtended && session.journalId !== undefined) {
        const payload = { retry_after_seconds: seconds };
        t.send(session.sessionId, { type: "goaway", payload });
      }
      this.#delete(session, connectionLost, t);
      const reason = `the control plane is shutting down; reconnect in ${seconds} s`;
      t.perform(closing(session.sessionId, "restarting", reason));
    });
  }

  /** Rejects new connections from now on; open connections may still respond. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Returns the sessions that timed out. A silent session first gets one short grace period. */
  overdue(t: ControlTransition): Session[] {
    const silent: Session[] = [];
    for (;;) {
      const session = this.#deadlines.popDue(t.now);
      if (session === undefined) return silent;
      const due = hasHello(session) ? session.lastMessageAt + quietMs(session) : t.now;
      if (due > t.now) {
        this.#deadlines.set(session, due);
      } else if (!session.isProbed) {
        // Its messages may be unread because this process was suspended.
        session.isProbed = true;
        this.#deadlines.set(session, t.now + pingAfterSilenceMs);
      } else {
        t.log("warn", session.agentId, "timed out: no heartbeat");
        silent.push(session);
      }
    }
  }

  agent(agentId: string): AgentState {
    const agent = this.#agents.get(agentId);
    if (agent === undefined) throw new Error(`Agent "${agentId}" is not registered`);
    return agent;
  }

  #delete(session: Session, close: SocketClose, t: ControlTransition): boolean {
    if (!this.#sessions.delete(session.sessionId)) return false;
    this.#deadlines.delete(session);
    const agent = this.agent(session.agentId);
    if (agent.session === session) {
      agent.session = undefined;
      if (!this.#draining) t.log("info", session.agentId, "disconnected", close);
    }
    agent.record = { ...agent.record, lastSeenAt: Math.min(t.now, session.lastMessageAt) };
    t.write({ type: "putAgent", facts: agent.record });
    return true;
  }

  #welcome(session: Session, t: ControlTransition): void {
    session.pacing = this.pacing;
    session.addresses = addressesOf(this.#options);
    const { record } = this.agent(session.agentId);
    const { capabilities } = record;
    const isWanted = capabilities !== undefined && !this.#options.hasCapabilities(capabilities);
    t.send(session.sessionId, buildWelcome(session, record, isWanted));
  }

  get pacing(): Pacing {
    const { heartbeatSeconds, isTls } = this.#options;
    return pacingFor(this.#agents.size, heartbeatSeconds, isTls);
  }
}
