/**
 * The control plane's core: one event in, one step out. It joins the fleet (who is connected) and
 * the dispatcher (what they are to do), and holds neither socket, timer, database nor clock.
 *
 * When the journal cannot be written, the core goes on without a dispatcher: nothing is accepted or
 * sent, outcomes are held. A new dispatcher then starts from what the journal holds, as at a start.
 */
import { unknownRequestId } from "../../protocol/errors.ts";
import { decodeFromAgent, type Refusal } from "../../protocol/wire/codec.ts";
import type { AgentMessage, ErrorMessage, Output, Response } from "../../protocol/wire/message.ts";
import { earlier } from "../../time/deadlineQueue.ts";
import { Fleet, type FleetOptions } from "./agents/agentRegistry.ts";
import { isIntroduced, noteOutcome, peerOf, peerOfAgent, type Session } from "./agents/session.ts";
import { lateAnswer } from "./lateResponse.ts";
import type {
  AgentFacts,
  ControlEvent,
  ControlWrite,
  FollowOrder,
  NewSession,
  OpenJournal,
} from "./model.ts";
import { Held } from "./outageBuffer.ts";
import { drainingError, explained, helloTwice, storageError } from "./rejections.ts";
import { Dispatcher } from "./requests/dispatcher.ts";
import { Follows } from "./requests/outputSubscriptions.ts";
import { ControlTransition } from "./transition.ts";

type Answer = Response | ErrorMessage;

export class ControlCore {
  readonly fleet: Fleet;
  /** Undefined while the journal cannot be written. */
  #dispatcher: Dispatcher | undefined;
  readonly #held = new Held();
  readonly #follows = new Follows();

  constructor(options: FleetOptions, known: AgentFacts[], open: OpenJournal, now: number) {
    this.fleet = new Fleet(options, known);
    this.#dispatcher = new Dispatcher(open, this.#follows, now, this.fleet.advice);
  }

  get dispatcher(): Dispatcher | undefined {
    return this.#dispatcher;
  }

  /** What is held in memory, by kind: each is bounded. */
  get sizes() {
    return {
      ...(this.#dispatcher?.sizes ?? { open: 0, deadlines: 0 }),
      sessions: this.fleet.sessionCount,
      held: this.#held.size,
      watchers: this.#follows.size,
    };
  }

  /** When a `tick` is due, or undefined while nothing waits. */
  next(): number | undefined {
    return earlier(this.fleet.next(), this.#dispatcher?.next());
  }

  step(event: ControlEvent, now: number): ControlTransition {
    const t = new ControlTransition(now);
    this.#take(event, t);
    for (const write of t.writes)
      if (write.type === "ended") noteOutcome(this.fleet, write.outcome);
    // Without a journal the facts of agents are worth no failure: they are written when it is back.
    if (this.#dispatcher === undefined) this.#held.holdFacts(t.writes.splice(0));
    return t;
  }

  #take(event: ControlEvent, t: ControlTransition): void {
    switch (event.type) {
      case "submit":
        return this.#submit(event, t);
      case "opened":
        return this.#opened(event.session, t);
      case "received":
        return this.#received(event.sessionId, event.text, t);
      case "closed":
      case "slow":
        return this.#gone(event, t);
      case "recalled":
        return this.#recalled(event, t);
      case "approve":
        return this.#dispatcher?.approve(event.jobId, event.by, t);
      case "cancel":
      case "pause":
      case "resume":
        return this.#dispatcher?.[event.type](event.jobId, t);
      case "follow":
        return this.#follows.ask(event.order, this.#followedAt(event.order), t);
      case "unfollow":
        return this.#follows.leave(event.watcher, (order) => this.#followedAt(order), t);
      case "revoked":
      case "fenced":
        return this.#endSessionsOf(event.tokenId, event.type, t);
      case "renamed":
        for (const session of this.fleet.sessionsOf(event.tokenId)) session.tokenId = event.newId;
        return;
      case "withdraw":
        if (this.#dispatcher !== undefined) return this.#dispatcher.withdraw(event, t);
        return this.#held.holdWithdrawal(event);
      case "register":
        return this.fleet.register(event, t);
      case "amend":
      case "forget":
        return this.fleet[event.type](event, t);
      case "draining":
        return this.fleet.startDraining();
      case "drain":
        return this.fleet.drain(t);
      case "tick":
        return this.#tick(event, t);
      case "storage_failed":
        return this.#storageFailed(event.writes, t);
      case "storage_recovered":
        return this.#storageRecovered(event.open, t);
      default:
        return event satisfies never;
    }
  }

  #submit(event: ControlEvent & { type: "submit" }, t: ControlTransition): void {
    const { job, requests } = event;
    if (this.#dispatcher !== undefined && !this.fleet.draining) {
      return this.#dispatcher.submit(job, requests, t);
    }
    const error = this.#dispatcher === undefined ? storageError() : drainingError();
    t.perform({ type: "refused", jobId: job.jobId, error });
  }

  #opened(opened: NewSession, t: ControlTransition): void {
    const replaced = this.fleet.agents.get(opened.agentId)?.session;
    const session = this.fleet.open(opened, t);
    if (session === undefined) return;
    if (replaced !== undefined) {
      const text = "took over from an older connection";
      t.log("warn", opened.agentId, text);
      this.#dispatcher?.offline(opened.agentId, t.now);
    }
    // A peer of the standard alone has nothing to introduce.
    if (!session.v1) this.#dispatcher?.online(peerOf(session), t);
  }

  #received(sessionId: number, text: string, t: ControlTransition): void {
    const session = this.fleet.session(sessionId);
    // What a replaced or ended connection still says counts for nothing.
    if (session === undefined) return;
    if (!session.throttle.admit(Buffer.byteLength(text), t.now)) {
      return this.#endSession(session, "rateLimited", t);
    }
    this.fleet.heard(session, t);
    const { message, refusal } = decodeFromAgent(text, { v1: session.v1 });
    if (refusal !== undefined) return this.#refuse(session, refusal, t);
    if (message.type !== "output") return this.#message(session, message, t);
    if (!this.#follows.take(session.agentId, message)) return;
    session.throttle.refund(Buffer.byteLength(text));
    t.perform({ type: "output", piece: message.payload });
  }

  /** The connection of an agent that was sent the request. */
  #followedAt({ requestId, agentId }: FollowOrder): Session | undefined {
    if (this.#dispatcher?.requests.isQueued(requestId)) return undefined;
    return this.fleet.agents.get(agentId)?.session;
  }

  /** Explains, counts, and closes a peer that sends too much that cannot be taken. */
  #refuse(session: Session, refusal: Refusal, t: ControlTransition): void {
    t.perform(...explained(session.sessionId, refusal));
    this.#dispatcher?.answerRefused(session.agentId, refusal.requestId, refusal.text);
    if (session.throttle.strike(t.now)) this.#endSession(session, "malformed", t);
  }

  #message(session: Session, message: Exclude<AgentMessage, Output>, t: ControlTransition): void {
    switch (message.type) {
      case "heartbeat":
        return;
      case "status_update":
        return this.fleet.status(session, message, t.now);
      case "catalogue":
        if (session.journalId !== undefined) this.fleet.catalogue(session, message, t);
        return;
      case "hello":
        if (session.journalId !== undefined) {
          return this.#refuse(session, helloTwice(), t);
        }
        // The name it would be given could not be kept: it may come back when it can.
        if (this.#dispatcher === undefined) {
          return this.#endSession(session, "tryLater", t);
        }
        this.fleet.hello(session, message, t);
        this.#dispatcher?.online(peerOf(session), t);
        return;
      case "response":
      case "error":
        return this.#answer(session, message, t);
      default:
        return message satisfies never;
    }
  }

  #answer(session: Session, answer: Answer, t: ControlTransition): void {
    if (this.#dispatcher === undefined) {
      const isHeld = this.#held.holdAnswer(session.agentId, answer);
      if (!isHeld) this.#endSession(session, "tryLater", t);
      return;
    }
    const taken = this.#dispatcher.answer(peerOf(session), answer, t);
    if (taken === "not yours") this.#notYours(session, answer, t);
    if (taken === "not open") {
      t.perform({ type: "recall", sessionId: session.sessionId, answer });
    }
  }

  /** An answer to a request that is not open, with the agent it was once sent to, if ever. */
  #recalled(event: ControlEvent & { type: "recalled" }, t: ControlTransition): void {
    const session = this.fleet.session(event.sessionId);
    if (session === undefined) return;
    const taken = lateAnswer(event, session, t);
    if (taken === "not yours") this.#notYours(session, event.answer, t);
  }

  #notYours(session: Session, answer: Answer, t: ControlTransition): void {
    const text = "answered a request that was sent to another agent";
    t.log("warn", session.agentId, text);
    const refusal = {
      code: "FORBIDDEN",
      text: "this request was sent to another agent",
      requestId: answer.request_id ?? unknownRequestId,
      answer: answer.type === "response",
    } as const;
    this.#refuse(session, refusal, t);
  }

  #gone({ type, sessionId }: { type: "closed" | "slow"; sessionId: number }, t: ControlTransition) {
    const session = this.fleet.session(sessionId);
    if (session === undefined) return;
    if (type === "slow") return this.#endSession(session, "slowReader", t);
    this.fleet.closed(session, t);
    this.#offline(session, t.now);
  }

  #tick({ wasPaused = false }: ControlEvent & { type: "tick" }, t: ControlTransition): void {
    // What agents have answered meanwhile is still on its way, or they come back with it.
    if (wasPaused) this.#dispatcher?.waitForReturn(t.now, this.fleet.advice);
    for (const session of this.fleet.overdue(t)) {
      this.#endSession(session, "silent", t);
    }
    this.#dispatcher?.tick(t);
  }

  #endSession(session: Session, name: Parameters<Fleet["end"]>[1], t: ControlTransition) {
    this.fleet.end(session, name, t);
    this.#offline(session, t.now);
  }

  #endSessionsOf(tokenId: string, why: "revoked" | "fenced", t: ControlTransition) {
    const name = why === "revoked" ? "unauthorized" : "fenced";
    for (const session of this.fleet.sessionsOf(tokenId)) this.#endSession(session, name, t);
  }

  /** Tells the dispatcher, unless another connection of the same agent is already in place. */
  #offline(session: Session, now: number): void {
    if (this.fleet.agent(session.agentId).session === undefined) {
      this.#dispatcher?.offline(session.agentId, now);
    }
  }

  #storageFailed(writes: ControlWrite[], t: ControlTransition): void {
    this.#dispatcher = undefined;
    this.#held.holdFacts(writes);
    for (const write of writes) {
      // Its welcome waited for this write and was never sent.
      if (write.type !== "agent") continue;
      const { session } = this.fleet.agent(write.facts.agentId);
      if (session?.v1) this.#endSession(session, "tryLater", t);
    }
    for (const write of writes) if (write.type === "ended") this.#held.holdOutcome(write.outcome);
  }

  #storageRecovered(open: OpenJournal, t: ControlTransition): void {
    const dispatcher = new Dispatcher(open, this.#follows, t.now, this.fleet.advice);
    this.#dispatcher = dispatcher;
    this.#held.release(dispatcher, (agentId) => peerOfAgent(this.fleet, agentId), t);
    for (const agent of this.fleet.agents.values()) {
      if (agent.session === undefined) continue;
      t.write({ type: "agent", facts: agent.facts });
      if (isIntroduced(agent.session)) dispatcher.online(peerOf(agent.session), t);
    }
  }
}
