/**
 * The fleet: every known agent and its one connection. A pure state machine that decides who is
 * online, who took over from whom, who has fallen silent, who is refused, and what agents are
 * advised. It knows nothing of jobs.
 */
import type { Labels } from "../../../protocol/labels.ts";
import { helloTimeoutMs, pingAfterSilenceMs } from "../../../protocol/limits.ts";
import { type CloseName, closeCodes } from "../../../protocol/wire/closeCodes.ts";
import type { Capabilities, Hello, StatusUpdate } from "../../../protocol/wire/message.ts";
import { parseCpuUsage, parseMemoryUsage } from "../../../protocol/wire/usageText.ts";
import { DeadlineQueue } from "../../../time/deadlineQueue.ts";
import type { AgentRecord, AgentUpdate, NewSession } from "../model.ts";
import type { ControlTransition } from "../transition.ts";
import { applyUpdate } from "./agentUpdate.ts";
import { DirtyMetrics } from "./dirtyMetrics.ts";
import { type Pacing, pacingFor, shouldResend } from "./pacing.ts";
import { RateLimiter } from "./rateLimiter.ts";
import {
  type AgentState,
  buildWelcome,
  closing,
  connectedRecord,
  hasHello,
  quietMs,
  type Session,
} from "./session.ts";
import { recordTakeover, replacedSession } from "./takeover.ts";

export interface AgentRegistryOptions {
  /** Heartbeats every so many seconds in a small fleet; a larger one is advised to slow down. */
  heartbeatSeconds: number;
  isTls?: boolean;
  /** Whether the capabilities of this digest is on record. */
  hasCapabilities(digest: string): boolean;
}

export class AgentRegistry {
  /** Agents' metrics that are not on disk yet. */
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

  /** An agent that holds a token but has not been seen yet: requests may wait for it. */
  register({ agentId, labels }: { agentId: string; labels?: Labels }, t: ControlTransition): void {
    const known = this.#agents.get(agentId);
    if (known !== undefined && labels === undefined) return;
    const record = { ...known?.record, agentId, ...(labels === undefined ? {} : { labels }) };
    if (known === undefined) this.#agents.set(agentId, { record, session: undefined });
    else known.record = record;
    t.write({ type: "putAgent", facts: record });
  }

  /** What an operator says of it. */
  update({ agentId, ...update }: { agentId: string } & AgentUpdate, t: ControlTransition): void {
    const agent = this.agent(agentId);
    agent.record = applyUpdate(agent.record, update);
    t.write({ type: "putAgent", facts: agent.record });
  }

  /** One that is away is no longer known. */
  delete({ agentId }: { agentId: string }, t: ControlTransition): void {
    if (this.#agents.get(agentId)?.session !== undefined) return;
    this.#agents.delete(agentId);
    t.write({ type: "deleteAgent", agentId });
  }

  /** A new connection; the agent's older one, if any, is closed and forgotten at once. */
  open(opened: NewSession, t: ControlTransition): Session | undefined {
    if (this.#draining) {
      t.perform(closing(opened.sessionId, "restarting", "the control plane is going down"));
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
   * A `wsctl.v1` peer introduces itself and is welcomed; only now may it be given commands.
   *
   * Its memory goes on under the name it has only if its epoch is the latest that was given out,
   * which every connection moves on, and if it is not another process that pushed a living one out.
   * So of two copies of one memory (a cloned machine) one is told apart and gets a name of its own.
   */
  hello(session: Session, message: Hello, t: ControlTransition): void {
    const { journal_id, epoch, instance_id, version, hostname, os, arch } = message.payload;
    const { capabilities_digest: digest, labels: ownLabels } = message.payload;
    const agent = this.agent(session.agentId);
    const isSameProcess = (agent.replaced?.instanceId ?? instance_id) === instance_id;
    const isLatest = agent.record.journalId === journal_id && agent.record.epoch === epoch;
    const goesOn = isLatest && isSameProcess;
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
  }

  /** An agent can do something else now; the text of it is asked for where it is not known. */
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

  /** Any sign of life; also the moment to pass on advice that has changed with the fleet. */
  messageReceived(session: Session, t: ControlTransition): void {
    session.lastMessageAt = t.now;
    // Talking is no greeting: who owes a hello is not spared it by other messages.
    if (hasHello(session)) session.isProbed = false;
    if (
      session.isExtended &&
      session.journalId !== undefined &&
      shouldResend(session.pacing, this.pacing)
    ) {
      this.#welcome(session, t);
    }
  }

  status(session: Session, message: StatusUpdate, now: number): void {
    const agent = this.agent(session.agentId);
    const { cpu_usage, memory_usage } = message.payload;
    agent.cpuUsage = cpu_usage;
    agent.memoryUsage = memory_usage;
    const hour = this.metrics.findHour(agent, now);
    hour.add(now, parseCpuUsage(cpu_usage) ?? 0, parseMemoryUsage(memory_usage) ?? 0);
  }

  /** Ends a connection from this side; of a silent or slow peer nothing more is expected. */
  end(session: Session, name: CloseName, t: ControlTransition): void {
    if (!this.#delete(session, t)) return;
    t.perform(closing(session.sessionId, name, closeCodes[name].meaning));
    if (name === "silent" || name === "slowReader") {
      t.perform({ type: "terminate", sessionId: session.sessionId });
    }
  }

  /**
   * A connection has ended by itself. Only its own session goes, never the one that replaced it.
   */
  closed(session: Session, t: ControlTransition): void {
    this.#delete(session, t);
  }

  /** Sessions that this token opened. */
  sessions(tokenId: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.tokenId === tokenId);
  }

  /**
   * Sends every agent away, each with its own moment to return, evenly over the advised seconds.
   */
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
      this.#delete(session, t);
      const reason = `the control plane is going down; come back in ${seconds} s`;
      t.perform(closing(session.sessionId, "restarting", reason));
    });
  }

  /** Refuses new connections from now on, while those that are open may still answer. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Sessions whose time is up: silent ones get one short last chance, then they are returned. */
  overdue(t: ControlTransition): Session[] {
    const silent: Session[] = [];
    for (;;) {
      const session = this.#deadlines.popDue(t.now);
      if (session === undefined) return silent;
      const due = hasHello(session) ? session.lastMessageAt + quietMs(session) : t.now;
      if (due > t.now) {
        this.#deadlines.set(session, due);
      } else if (!session.isProbed) {
        // Its messages may be waiting behind whatever kept this process from running in time.
        session.isProbed = true;
        this.#deadlines.set(session, t.now + pingAfterSilenceMs);
      } else {
        const { agentId: agent } = session;
        t.log("warn", agent, "has fallen silent");
        silent.push(session);
      }
    }
  }

  agent(agentId: string): AgentState {
    const agent = this.#agents.get(agentId);
    if (agent === undefined) throw new Error(`agent "${agentId}" is not registered`);
    return agent;
  }

  #delete(session: Session, t: ControlTransition): boolean {
    if (!this.#sessions.delete(session.sessionId)) return false;
    this.#deadlines.delete(session);
    const agent = this.agent(session.agentId);
    if (agent.session === session) agent.session = undefined;
    agent.record = { ...agent.record, lastSeenAt: Math.min(t.now, session.lastMessageAt) };
    t.write({ type: "putAgent", facts: agent.record });
    return true;
  }

  #welcome(session: Session, t: ControlTransition): void {
    session.pacing = this.pacing;
    const { record } = this.agent(session.agentId);
    const { capabilities } = record;
    const isWanted = capabilities !== undefined && !this.#options.hasCapabilities(capabilities);
    const message = buildWelcome(session, record, isWanted);
    t.send(session.sessionId, message);
  }

  /** What agents are to be told now. */
  get pacing(): Pacing {
    const { heartbeatSeconds, isTls } = this.#options;
    return pacingFor(this.#agents.size, heartbeatSeconds, isTls);
  }
}
