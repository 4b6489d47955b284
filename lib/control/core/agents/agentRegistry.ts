/**
 * The fleet: every known agent and its one connection. A pure state machine that decides who is
 * online, who took over from whom, who has fallen silent, who is refused, and what agents are
 * advised. It knows nothing of jobs.
 */
import type { Labels } from "../../../protocol/labels.ts";
import { helloMs, probeMs } from "../../../protocol/limits.ts";
import { type CloseName, closeCodes } from "../../../protocol/wire/closeCodes.ts";
import type { Catalogue, Hello, StatusUpdate } from "../../../protocol/wire/message.ts";
import { parseCpuUsage, parseMemoryUsage } from "../../../protocol/wire/usageText.ts";
import { Deadlines } from "../../../time/deadlineQueue.ts";
import type { AgentFacts, Amendment, NewSession } from "../model.ts";
import type { ControlTransition } from "../transition.ts";
import { amended } from "./agentUpdate.ts";
import { ChangedFigures } from "./dirtyMetrics.ts";
import { type Advice, adviceFor, isOutdated } from "./pacing.ts";
import { Throttle } from "./rateLimiter.ts";
import {
  type Agent,
  closing,
  connectedFacts,
  isIntroduced,
  type Session,
  silenceMs,
  welcomeOf,
} from "./session.ts";
import { noteTakeover, pushedOut } from "./takeover.ts";

export interface FleetOptions {
  /** Heartbeats every so many seconds in a small fleet; a larger one is advised to slow down. */
  heartbeatSeconds: number;
  isTls?: boolean;
  /** Whether the catalogue of this digest is on record. */
  knowsCatalogue(digest: string): boolean;
}

export class Fleet {
  /** Agents' figures that are not on disk yet. */
  readonly figures = new ChangedFigures();
  readonly #options: FleetOptions;
  readonly #agents = new Map<string, Agent>();
  readonly #sessions = new Map<number, Session>();
  readonly #deadlines = new Deadlines<Session>();
  #draining = false;

  constructor(options: FleetOptions, known: AgentFacts[]) {
    this.#options = options;
    for (const facts of known) this.#agents.set(facts.agentId, { facts, session: undefined });
  }

  get agents(): ReadonlyMap<string, Agent> {
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
    const facts = { ...known?.facts, agentId, ...(labels === undefined ? {} : { labels }) };
    if (known === undefined) this.#agents.set(agentId, { facts, session: undefined });
    else known.facts = facts;
    t.write({ type: "agent", facts });
  }

  /** What an operator says of it. */
  amend({ agentId, ...amendment }: { agentId: string } & Amendment, t: ControlTransition): void {
    const agent = this.agent(agentId);
    agent.facts = amended(agent.facts, amendment);
    t.write({ type: "agent", facts: agent.facts });
  }

  /** One that is away is no longer known. */
  forget({ agentId }: { agentId: string }, t: ControlTransition): void {
    if (this.#agents.get(agentId)?.session !== undefined) return;
    this.#agents.delete(agentId);
    t.write({ type: "forgotten", agentId });
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
      agent.pushedOut = pushedOut(agent, replaced);
      this.end(replaced, "takenOver", t);
    }
    const advice = this.advice;
    const session: Session = {
      ...opened,
      lastHeard: t.now,
      isProbed: false,
      advice,
      throttle: new Throttle(t.now),
    };
    agent.session = session;
    this.#sessions.set(session.sessionId, session);
    this.#deadlines.set(session, t.now + (session.v1 ? helloMs : silenceMs(session)));
    const { address } = opened;
    agent.facts = { ...agent.facts, address, connectedAt: t.now, lastSeenAt: t.now };
    if (!session.v1) this.#introduced(session, t);
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
    const { catalogue_digest: digest, labels: ownLabels } = message.payload;
    const agent = this.agent(session.agentId);
    const isSameProcess = (agent.pushedOut?.instanceId ?? instance_id) === instance_id;
    const isLatest = agent.facts.journalId === journal_id && agent.facts.epoch === epoch;
    const goesOn = isLatest && isSameProcess;
    session.instanceId = instance_id;
    session.journalId = goesOn ? journal_id : session.freshJournalId;
    this.#deadlines.set(session, t.now + silenceMs(session));
    const { ownLabels: _before, ...known } = agent.facts;
    agent.facts = {
      ...known,
      journalId: session.journalId,
      epoch: goesOn ? epoch + 1 : 1,
      version,
      ...(hostname === undefined ? {} : { hostname }),
      ...(os === undefined ? {} : { os }),
      ...(arch === undefined ? {} : { arch }),
      ...(digest === undefined ? {} : { catalogue: digest }),
      ...(ownLabels === undefined ? {} : { ownLabels }),
    };
    if (!isSameProcess) noteTakeover(agent, session, t);
    agent.pushedOut = undefined;
    this.#introduced(session, t);
    this.#welcome(session, t);
  }

  #introduced(session: Session, t: ControlTransition): void {
    t.write({ type: "agent", facts: this.agent(session.agentId).facts });
    t.write({ type: "audit", at: t.now, facts: connectedFacts(session) });
  }

  /** An agent can do something else now; the text of it is asked for where it is not known. */
  catalogue(
    session: Session,
    { payload: { digest, text } }: Catalogue,
    t: ControlTransition,
  ): void {
    const agent = this.agent(session.agentId);
    if (agent.facts.catalogue !== digest) {
      agent.facts = { ...agent.facts, catalogue: digest };
      t.write({ type: "agent", facts: agent.facts });
    }
    if (text !== undefined) {
      t.perform({ type: "catalogue", agentId: session.agentId, digest, text });
    } else if (!this.#options.knowsCatalogue(digest)) this.#welcome(session, t);
  }

  /** Any sign of life; also the moment to pass on advice that has changed with the fleet. */
  heard(session: Session, t: ControlTransition): void {
    session.lastHeard = t.now;
    // Talking is no greeting: who owes a hello is not spared it by other messages.
    if (isIntroduced(session)) session.isProbed = false;
    if (session.v1 && session.journalId !== undefined && isOutdated(session.advice, this.advice)) {
      this.#welcome(session, t);
    }
  }

  status(session: Session, message: StatusUpdate, now: number): void {
    const agent = this.agent(session.agentId);
    const { cpu_usage, memory_usage } = message.payload;
    agent.cpuUsage = cpu_usage;
    agent.memoryUsage = memory_usage;
    const hour = this.figures.hourOf(agent, now);
    hour.add(now, parseCpuUsage(cpu_usage) ?? 0, parseMemoryUsage(memory_usage) ?? 0);
  }

  /** Ends a connection from this side; of a silent or slow peer nothing more is expected. */
  end(session: Session, name: CloseName, t: ControlTransition): void {
    if (!this.#forget(session, t)) return;
    t.perform(closing(session.sessionId, name, closeCodes[name].meaning));
    if (name === "silent" || name === "slowReader") {
      t.perform({ type: "terminate", sessionId: session.sessionId });
    }
  }

  /**
   * A connection has ended by itself. Only its own session goes, never the one that replaced it.
   */
  closed(session: Session, t: ControlTransition): void {
    this.#forget(session, t);
  }

  /** Sessions that this token opened. */
  sessionsOf(tokenId: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.tokenId === tokenId);
  }

  /**
   * Sends every agent away, each with its own moment to return, evenly over the advised seconds.
   */
  drain(t: ControlTransition): void {
    this.startDraining();
    const sessions = [...this.#sessions.values()];
    const spread = this.advice.reconnectSeconds;
    sessions.forEach((session, index) => {
      const seconds = Math.round((0.5 + (spread * index) / sessions.length) * 100) / 100;
      if (session.v1 && session.journalId !== undefined) {
        const payload = { retry_after_seconds: seconds };
        t.send(session.sessionId, { type: "goaway", payload });
      }
      this.#forget(session, t);
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
      const due = isIntroduced(session) ? session.lastHeard + silenceMs(session) : t.now;
      if (due > t.now) {
        this.#deadlines.set(session, due);
      } else if (!session.isProbed) {
        // Its messages may be waiting behind whatever kept this process from running in time.
        session.isProbed = true;
        this.#deadlines.set(session, t.now + probeMs);
      } else {
        const { agentId: agent } = session;
        t.log("warn", agent, "has fallen silent");
        silent.push(session);
      }
    }
  }

  agent(agentId: string): Agent {
    const agent = this.#agents.get(agentId);
    if (agent === undefined) throw new Error(`agent "${agentId}" is not registered`);
    return agent;
  }

  #forget(session: Session, t: ControlTransition): boolean {
    if (!this.#sessions.delete(session.sessionId)) return false;
    this.#deadlines.delete(session);
    const agent = this.agent(session.agentId);
    if (agent.session === session) agent.session = undefined;
    agent.facts = { ...agent.facts, lastSeenAt: Math.min(t.now, session.lastHeard) };
    t.write({ type: "agent", facts: agent.facts });
    return true;
  }

  #welcome(session: Session, t: ControlTransition): void {
    session.advice = this.advice;
    const { facts } = this.agent(session.agentId);
    const { catalogue } = facts;
    const isWanted = catalogue !== undefined && !this.#options.knowsCatalogue(catalogue);
    const message = welcomeOf(session, facts, isWanted);
    t.send(session.sessionId, message);
  }

  /** What agents are to be told now. */
  get advice(): Advice {
    const { heartbeatSeconds, isTls } = this.#options;
    return adviceFor(this.#agents.size, heartbeatSeconds, isTls);
  }
}
