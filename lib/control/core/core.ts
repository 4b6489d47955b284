/**
 * The control plane's core: one event in, one transition out. It joins the registry (which agents
 * are connected) and the dispatcher (which requests they get). It has no I/O, timer or clock.
 *
 * When the journal cannot be written, the core continues without a dispatcher: no job is accepted
 * or sent, and outcomes are buffered. A new dispatcher then starts from the contents of the
 * journal, as after a restart.
 */
import { type DecodeError, decodeFromAgent } from "../../protocol/wire/codec.ts";
import type { AgentMessage, ErrorMessage, Response } from "../../protocol/wire/message.ts";
import { earlier } from "../../time/deadlineQueue.ts";
import { AgentRegistry, type AgentRegistryOptions } from "./agents/agentRegistry.ts";
import { findPeer, hasHello, recordLastOutcome, type Session, toPeer } from "./agents/session.ts";
import type { ControlEvent } from "./coreEvents.ts";
import { lateResponse } from "./lateResponse.ts";
import type { AgentRecord, NewSession, OpenJournal, OutputSubscription } from "./model.ts";
import { OutageBuffer } from "./outageBuffer.ts";
import {
  drainingError,
  duplicateHello,
  errorEffects,
  foreignRequest,
  storageError,
} from "./rejections.ts";
import { Dispatcher } from "./requests/dispatcher.ts";
import { OutputSubscriptions } from "./requests/outputSubscriptions.ts";
import { ControlTransition } from "./transition.ts";

type AgentResponse = Response | ErrorMessage;
type OtherMessage = Exclude<AgentMessage, { type: "output" }>;

export class ControlCore {
  readonly registry: AgentRegistry;
  /** Undefined while the journal cannot be written. */
  #dispatcher: Dispatcher | undefined;
  readonly #outage = new OutageBuffer();
  readonly #outputs = new OutputSubscriptions();

  constructor(options: AgentRegistryOptions, known: AgentRecord[], open: OpenJournal, now: number) {
    this.registry = new AgentRegistry(options, known);
    this.#dispatcher = new Dispatcher(open, this.#outputs, now, this.registry.pacing);
  }

  get dispatcher(): Dispatcher | undefined {
    return this.#dispatcher;
  }

  get sizes() {
    return {
      ...(this.#dispatcher?.sizes ?? { open: 0, deadlines: 0 }),
      sessions: this.registry.sessionCount,
      held: this.#outage.size,
      subscribers: this.#outputs.size,
    };
  }

  /** When the next `tick` is due; undefined if nothing is scheduled. */
  next(): number | undefined {
    return earlier(this.registry.next(), this.#dispatcher?.next());
  }

  step(event: ControlEvent, now: number): ControlTransition {
    const t = new ControlTransition(now);
    this.#take(event, t);
    for (const write of t.writes)
      if (write.type === "putOutcome") recordLastOutcome(this.registry, write.outcome);
    // Agent records are not worth an error: they are written when the journal is available again.
    if (this.#dispatcher === undefined) this.#outage.addAgentWrites(t.writes.splice(0));
    return t;
  }

  #take(event: ControlEvent, t: ControlTransition): void {
    switch (event.type) {
      case "jobSubmitted":
        return this.#submit(event, t);
      case "connectionOpened":
        return this.#connectionOpened(event.session, t);
      case "messageReceived":
        return this.#messageReceived(event.sessionId, event.frame, t);
      case "connectionClosed":
      case "sendBufferFull":
        return this.#connectionClosed(event, t);
      case "requestLookedUp":
        return this.#requestLookedUp(event, t);
      case "approvalRequested":
        return this.#dispatcher?.approve(event.jobId, event.by, t);
      case "cancelRequested":
        return this.#dispatcher?.cancel(event.jobId, t);
      case "pauseRequested":
        return this.#dispatcher?.pause(event.jobId, t);
      case "resumeRequested":
        return this.#dispatcher?.resume(event.jobId, t);
      case "outputSubscribed":
        return this.#outputs.subscribe(event.subscription, this.#peer(event.subscription), t);
      case "outputUnsubscribed":
        return this.#outputs.unsubscribe(event.subscriptionId, (each) => this.#peer(each), t);
      case "tokenRevoked":
        return this.#endSessionsOf(event.tokenId, "revoked", t);
      case "tokenFenced":
        return this.#endSessionsOf(event.tokenId, "fenced", t);
      case "tokenRotated":
        for (const session of this.registry.sessions(event.tokenId)) session.tokenId = event.newId;
        return;
      case "cancelMatching":
        if (this.#dispatcher !== undefined) return this.#dispatcher.cancelMatching(event, t);
        return this.#outage.addCancel(event);
      case "agentRegistered":
        return this.registry.register(event, t);
      case "agentUpdated":
        return this.registry.update(event, t);
      case "agentDeleted":
        return this.registry.delete(event, t);
      case "drainStarted":
        return this.registry.startDraining();
      case "connectionsDrained":
        return this.registry.drain(t);
      case "clockSet":
        this.registry.clockSet(event.byMs);
        this.#outage.clockSet(event.byMs);
        return this.#dispatcher?.clockSet(event.byMs);
      case "tick":
        return this.#tick(event, t);
      case "commitFailed":
        return this.#commitFailed(event, t);
      case "storageRecovered":
        return this.#storageRecovered(event.open, t);
      default:
        return event satisfies never;
    }
  }

  #submit(event: ControlEvent & { type: "jobSubmitted" }, t: ControlTransition): void {
    const { job, requests } = event;
    if (this.#dispatcher !== undefined && !this.registry.draining) {
      return this.#dispatcher.submit(job, requests, t);
    }
    const error =
      this.#dispatcher === undefined ? storageError(this.#outage.reason) : drainingError();
    t.perform({ type: "rejectJob", jobId: job.jobId, error });
  }

  #connectionOpened(opened: NewSession, t: ControlTransition): void {
    const replaced = this.registry.agents.get(opened.agentId)?.session;
    const session = this.registry.open(opened, t);
    if (session === undefined) return;
    if (replaced !== undefined) {
      const text = "replaced an older connection";
      t.log("warn", opened.agentId, text);
      this.#dispatcher?.offline(opened.agentId, t.now);
    }
    // A peer without the `wsctl.v1` extension sends no `hello`.
    if (!session.isExtended) this.#dispatcher?.online(toPeer(session), t);
  }

  #messageReceived(sessionId: number, frame: string | Uint8Array, t: ControlTransition): void {
    const session = this.registry.session(sessionId);
    // Messages of a replaced or ended connection are ignored.
    if (session === undefined) return;
    const bytes = Buffer.byteLength(frame);
    if (!session.rateLimiter.admit(bytes, t.now)) {
      return this.#endSession(session, "rateLimited", t);
    }
    this.registry.messageReceived(session, t);
    const { message, refusal } = decodeFromAgent(frame, { isExtended: session.isExtended });
    if (refusal !== undefined) return this.#rejectMessage(session, refusal, t);
    if (message.type !== "output") return this.#message(session, message, t);
    if (!this.#outputs.accept(session.agentId, message)) return;
    session.rateLimiter.refund(bytes);
    t.perform({ type: "forwardOutput", piece: message.payload });
  }

  #peer({ requestId, agentId }: OutputSubscription): Session | undefined {
    if (this.#dispatcher?.requests.isQueued(requestId)) return undefined;
    return this.registry.agents.get(agentId)?.session;
  }

  /** Replies with an error and closes a peer that sends too many invalid messages. */
  #rejectMessage(session: Session, refusal: DecodeError, t: ControlTransition): void {
    t.perform(...errorEffects(session.sessionId, refusal));
    this.#dispatcher?.responseRejected(session.agentId, refusal.requestId, refusal.text);
    if (refusal.isBinary) this.#endSession(session, "binaryFrame", t);
    else if (session.rateLimiter.countViolation(t.now)) this.#endSession(session, "malformed", t);
  }

  #message(session: Session, message: OtherMessage, t: ControlTransition): void {
    switch (message.type) {
      case "heartbeat":
        return;
      case "status_update":
        return this.registry.status(session, message, t.now);
      case "capabilities":
        if (session.journalId !== undefined) this.registry.announce(session, message, t);
        return;
      case "hello":
        if (session.journalId !== undefined) {
          return this.#rejectMessage(session, duplicateHello(), t);
        }
        // The new journal id could not be stored; the agent may reconnect when it can.
        if (this.#dispatcher === undefined) {
          return this.#endSession(session, "tryLater", t);
        }
        this.registry.hello(session, message, t);
        this.#dispatcher?.online(toPeer(session), t);
        return;
      case "response":
      case "error":
        return this.#answer(session, message, t);
      default:
        return message satisfies never;
    }
  }

  #answer(session: Session, answer: AgentResponse, t: ControlTransition): void {
    if (this.#dispatcher === undefined) {
      const isHeld = this.#outage.addResponse(session.agentId, answer);
      if (!isHeld) this.#endSession(session, "tryLater", t);
      return;
    }
    const taken = this.#dispatcher.responseReceived(toPeer(session), answer, t);
    if (taken === "not yours") this.#unknownRequest(session, answer, t);
    if (taken === "not open") {
      t.perform({ type: "lookUpRequest", sessionId: session.sessionId, answer });
    }
  }

  /** Handles a response to a request that is not open; `agentId` is the agent it was sent to. */
  #requestLookedUp(event: ControlEvent & { type: "requestLookedUp" }, t: ControlTransition): void {
    const session = this.registry.session(event.sessionId);
    if (session === undefined) return;
    const taken = lateResponse(event, session, t);
    if (taken === "not yours") this.#unknownRequest(session, event.answer, t);
  }

  #unknownRequest(session: Session, answer: AgentResponse, t: ControlTransition): void {
    t.log("warn", session.agentId, "responded to a request that was sent to another agent");
    this.#rejectMessage(session, foreignRequest(answer), t);
  }

  #connectionClosed(
    event: ControlEvent & { type: "connectionClosed" | "sendBufferFull" },
    t: ControlTransition,
  ) {
    const session = this.registry.session(event.sessionId);
    if (session === undefined) return;
    if (event.type === "sendBufferFull") return this.#endSession(session, "slowReader", t);
    this.registry.closed(session, t, event.close);
    this.#offline(session, t.now);
  }

  #tick({ wasPaused = false }: ControlEvent & { type: "tick" }, t: ControlTransition): void {
    // Responses sent meanwhile are still in transit, or agents repeat them when they reconnect.
    if (wasPaused) this.#dispatcher?.waitForReturn(t.now, this.registry.pacing);
    for (const session of this.registry.overdue(t)) {
      this.#endSession(session, "silent", t);
    }
    this.#dispatcher?.tick(t);
  }

  #endSession(session: Session, name: Parameters<AgentRegistry["end"]>[1], t: ControlTransition) {
    this.registry.end(session, name, t);
    this.#offline(session, t.now);
  }

  #endSessionsOf(tokenId: string, why: "revoked" | "fenced", t: ControlTransition) {
    const name = why === "revoked" ? "unauthorized" : "fenced";
    for (const session of this.registry.sessions(tokenId)) this.#endSession(session, name, t);
  }

  #offline(session: Session, now: number): void {
    if (this.registry.agent(session.agentId).session === undefined) {
      this.#dispatcher?.offline(session.agentId, now);
    }
  }

  #commitFailed(
    { writes, reason }: ControlEvent & { type: "commitFailed" },
    t: ControlTransition,
  ): void {
    this.#outage.begin(writes, reason, this.#dispatcher?.requests);
    this.#dispatcher = undefined;
    for (const write of writes) {
      // Its welcome waited for this write and was never sent.
      if (write.type !== "putAgent") continue;
      const { session } = this.registry.agent(write.facts.agentId);
      if (session?.isExtended) this.#endSession(session, "tryLater", t);
    }
  }

  #storageRecovered(open: OpenJournal, t: ControlTransition): void {
    const timed = this.#outage.withTimes(open);
    const dispatcher = new Dispatcher(timed, this.#outputs, t.now, this.registry.pacing);
    this.#dispatcher = dispatcher;
    this.#outage.release(dispatcher, (agentId) => findPeer(this.registry, agentId), t);
    for (const agent of this.registry.agents.values()) {
      if (agent.session === undefined) continue;
      t.write({ type: "putAgent", facts: agent.record });
      if (hasHello(agent.session)) dispatcher.online(toPeer(agent.session), t);
    }
  }
}
