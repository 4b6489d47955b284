/**
 * The dispatcher: which request is sent to which agent when, and how each one ends. A pure state
 * machine; every method is told the time and adds what must be written and done to the step.
 *
 * A request is `queued` until it is handed to its agent's connection, then `sent`, then gone with
 * exactly one outcome. `sent` is written before the message leaves: only what was certainly never
 * sent may end as `expired`. A command is repeated only to the very journal it was sent to before
 * (an agent of `wsctl.v1` answers a repeat from there); to any other peer it goes once, and what
 * cannot be known in the end is `lost`.
 */
import { Deadlines } from "../deadlines.ts";
import { answerGraceMs, inflightPerAgentMax } from "../protocol/limits.ts";
import type { ErrorMessage, Response } from "../protocol/message.ts";
import { commandMessage } from "./commandMessage.ts";
import {
  dueAfterRestart,
  dueUnrepeated,
  dueWhileAway,
  dueWithin,
  expiresAt,
  notAhead,
} from "./due.ts";
import {
  cancelled,
  type Ending,
  endingOfAnswer,
  endingOfSilence,
  outcomeOf,
  stoppedAfter,
  withdrawnAs,
} from "./ending.ts";
import type { Follows } from "./follows.ts";
import { type AgentQueue, OpenRequests, type Peer } from "./openRequests.ts";
import type {
  ControlStep,
  Job,
  OpenJournal,
  OpenRequest,
  Outcome,
  WantedRequest,
  Withdrawal,
} from "./records.ts";
import { Rollouts } from "./rollouts.ts";
import { overLimit } from "./room.ts";

export class Dispatcher {
  readonly #open = new OpenRequests();
  readonly #deadlines = new Deadlines<OpenRequest>();
  readonly #rollouts = new Rollouts();
  readonly #follows: Follows;

  /** Goes on from what the journal holds; agents that hold answers are given time to return. */
  constructor(journal: OpenJournal, follows: Follows, now: number) {
    this.#follows = follows;
    const { jobs, requests } = notAhead(journal, now);
    for (const job of jobs) this.#open.addJob(job);
    for (const request of requests) {
      this.#open.add(request);
      this.#deadlines.set(request, dueAfterRestart(request, this.#open.jobOf(request), now));
    }
    const ofJob = Map.groupBy(requests, ({ jobId }) => jobId);
    for (const job of jobs) {
      const wanted = ofJob.get(job.jobId) ?? [];
      for (const request of this.#rollouts.add(job, wanted)) this.#open.admit(request);
    }
  }

  /** The time of the next `tick` that has something to do. */
  next(): number | undefined {
    return this.#deadlines.next();
  }

  /** Requests that were sent to a connected agent and are unanswered. */
  get inflightCount(): number {
    return this.#open.inflightCount;
  }

  /** What is held in memory, by kind. */
  get sizes(): { open: number; deadlines: number } {
    return { open: this.#open.size, deadlines: this.#deadlines.heldCount };
  }

  /** Whether it waits here: its agent knows nothing of it yet. */
  isQueued(requestId: string): boolean {
    return this.#open.get(requestId)?.state === "queued";
  }

  isOpen(requestId: string): boolean {
    return this.#open.get(requestId) !== undefined;
  }

  /** Who asked for what still waits here, and for whom. */
  waiting(): { createdBy: string; agentId: string }[] {
    return this.#open.queued().map((each) => ({ ...each, ...this.#open.jobOf(each) }));
  }

  openCountOf(agentId: string): number {
    return this.#open.countOf(agentId);
  }

  /** A job that is still open under an operator's key. */
  jobByKey(key: string): Job | undefined {
    return this.#open.jobByKey(key);
  }

  /** Accepts a job whole, or refuses it whole; sends at once what can be sent. */
  submit(job: Job, wanted: WantedRequest[], step: ControlStep): void {
    const refusal = overLimit(this.#open, job, wanted);
    if (refusal !== undefined) {
      return void step.effects.push({ type: "refused", jobId: job.jobId, error: refusal });
    }
    const { asked: _forTheTrail, ...kept } = job;
    this.#open.addJob(kept);
    const requests = wanted.map((each): OpenRequest => {
      const request: OpenRequest = { ...each, jobId: job.jobId, state: "queued" };
      this.#open.add(request);
      this.#deadlines.set(request, expiresAt(job));
      return request;
    });
    const sends: ControlStep = { writes: [], effects: [] };
    const first = this.#rollouts.add(job, requests);
    for (const request of first) this.#pump(this.#open.admit(request), job.createdAt, sends);
    // The rows are written as they stand after the sending: one write for both.
    step.writes.push({ type: "job", job, requests: requests.map((request) => ({ ...request })) });
    step.effects.push(...sends.effects, { type: "accepted", jobId: job.jobId });
  }

  /** An agent may be given commands: what it may know of is repeated, the rest follows in order. */
  online(peer: Peer, now: number, step: ControlStep): void {
    const queue = this.#open.queue(peer.agentId);
    queue.peer = peer;
    for (const request of queue.sent) {
      const job = this.#open.jobOf(request);
      if (peer.v1 && request.journalId !== undefined && request.journalId === peer.journalId) {
        this.#send(request, job, peer, now, step);
      } else {
        // It is here and cannot be asked again: what it still wants to say, it says soon.
        const current = this.#deadlines.get(request) ?? Infinity;
        if (current > Math.max(dueUnrepeated(request, job), now + answerGraceMs)) {
          this.#wait(request, job, dueUnrepeated(request, job), now);
        }
      }
    }
    this.#pump(queue, now, step);
  }

  offline(agentId: string, now: number): void {
    const queue = this.#open.queue(agentId);
    queue.peer = undefined;
    for (const request of queue.sent) {
      // What is never repeated is due no later for the connection's loss.
      if (request.journalId === undefined) continue;
      const job = this.#open.jobOf(request);
      this.#wait(request, job, dueWhileAway(request, job), now);
    }
    this.#open.forgetIfIdle(queue);
  }

  /** An agent's answer. Says whether the request was open, and whether it is the agent's at all. */
  answer(
    peer: Peer,
    message: Response | ErrorMessage,
    now: number,
    step: ControlStep,
  ): "taken" | "not open" | "not yours" {
    const request = this.#open.get(message.request_id ?? "");
    if (request === undefined) return "not open";
    if (request.agentId !== peer.agentId) return "not yours";
    this.#end(request, endingOfAnswer(message, peer), now, step);
    if (peer.v1) {
      const ack = { type: "ack", request_id: request.requestId, payload: {} } as const;
      step.effects.push({ type: "send", sessionId: peer.sessionId, message: ack });
    }
    return "taken";
  }

  /** An answer that cannot be taken: a right one may follow, else this is how the request ended. */
  answerRefused(agentId: string, requestId: string, reason: string): void {
    const request = this.#open.get(requestId);
    if (request?.agentId === agentId) request.refusedAnswer = reason;
  }

  /**
   * Withdraws what of a job was not sent. What was sent may have started: its agent is told to stop
   * it, now or on its return, and answers how it ended; a peer of the standard alone goes on.
   */
  cancel(jobId: string, now: number, step: ControlStep): void {
    const job = this.#open.job(jobId);
    if (job === undefined) return;
    job.cancelledAt ??= now;
    step.writes.push({ type: "cancelled", jobId, at: job.cancelledAt });
    this.#rollouts.stop(jobId);
    for (const request of this.#open.ofJob(jobId)) {
      if (request.state === "queued") this.#end(request, cancelled, now, step);
      else this.#tellToStop(request, this.#open.queue(request.agentId).peer, step);
    }
  }

  /** A job that waited for a second operator goes out. */
  approve(jobId: string, by: string, now: number, step: ControlStep): void {
    const job = this.#open.job(jobId);
    if (job === undefined || job.approvedBy !== undefined) return;
    job.approvedBy = by;
    step.writes.push({ type: "approved", jobId, by });
    const admitted = this.#rollouts.approve(jobId);
    for (const request of admitted) this.#pump(this.#open.admit(request), now, step);
  }

  /** What waits for an agent, or was asked for by a token, never goes out: either has ended. */
  withdraw({ agentId, createdBy, reason }: Withdrawal, now: number, step: ControlStep): void {
    const waiting = this.#open.queued().filter((request) => {
      return request.agentId === agentId || this.#open.jobOf(request).createdBy === createdBy;
    });
    if (createdBy !== undefined) for (const { jobId } of waiting) this.#rollouts.stop(jobId);
    for (const request of waiting) {
      // The end of one may have let another go out.
      if (request.state === "queued") this.#end(request, withdrawnAs(reason), now, step);
    }
  }

  /** An outcome known from a commit that failed: it stands, if the request is open. */
  restore(outcome: Outcome, now: number, step: ControlStep): void {
    const request = this.#open.get(outcome.requestId);
    if (request !== undefined) this.#end(request, outcome, now, step);
  }

  tick(now: number, step: ControlStep): void {
    for (;;) {
      const request = this.#deadlines.popDue(now);
      if (request === undefined) return;
      this.#end(request, endingOfSilence(request, this.#open.queue(request.agentId)), now, step);
    }
  }

  /** Sends what waits, in order, as far as the agent's window allows. */
  #pump(queue: AgentQueue, now: number, step: ControlStep): void {
    if (queue.peer === undefined) return;
    for (const request of queue.waiting) {
      if (queue.sent.size >= inflightPerAgentMax) return;
      queue.waiting.delete(request);
      queue.sent.add(request);
      this.#send(request, this.#open.jobOf(request), queue.peer, now, step);
    }
  }

  #send(request: OpenRequest, job: Job, peer: Peer, now: number, step: ControlStep): void {
    const { requestId } = request;
    const isRepeat = request.state === "sent";
    this.#wait(request, job, now + job.timeoutMs + answerGraceMs, now);
    request.state = "sent";
    request.sentAt = now;
    if (!isRepeat) {
      if (peer.journalId !== undefined) request.journalId = peer.journalId;
      step.writes.push({ type: "sent", requestId, sentAt: now, journalId: peer.journalId });
    }
    const message = commandMessage(request, job, peer);
    step.effects.push({ type: "send", sessionId: peer.sessionId, message });
    if (peer.v1) {
      for (const follow of this.#follows.messagesFor(requestId)) {
        step.effects.push({ type: "send", sessionId: peer.sessionId, message: follow });
      }
    }
    if (job.cancelledAt !== undefined) this.#tellToStop(request, peer, step);
  }

  #tellToStop({ requestId }: OpenRequest, peer: Peer | undefined, step: ControlStep): void {
    if (!peer?.v1) return;
    const message = { type: "cancel", request_id: requestId, payload: {} } as const;
    step.effects.push({ type: "send", sessionId: peer.sessionId, message });
  }

  #end(request: OpenRequest, ending: Ending, now: number, step: ControlStep): void {
    const outcome = outcomeOf(request, this.#open.jobOf(request), ending, now);
    step.writes.push({ type: "ended", outcome });
    step.effects.push({ type: "ended", jobId: request.jobId });
    this.#deadlines.delete(request);
    const queue = this.#open.remove(request);
    this.#pump(queue, now, step);
    this.#open.forgetIfIdle(queue);
    this.#goOn(request, outcome, now, step);
  }

  /** One more of its job may go out for it, or none ever: too many have failed. */
  #goOn({ jobId }: OpenRequest, { outcome, requestId }: Outcome, now: number, step: ControlStep) {
    const { go, isStopped } = this.#rollouts.ended(jobId, requestId, outcome);
    for (const next of go) this.#pump(this.#open.admit(next), now, step);
    if (isStopped) {
      const ending = stoppedAfter(this.#rollouts.failuresOf(jobId));
      for (const rest of this.#open.ofJob(jobId)) {
        if (rest.state === "queued") this.#end(rest, ending, now, step);
      }
    }
    if (this.#open.job(jobId) === undefined) this.#rollouts.delete(jobId);
  }

  #wait(request: OpenRequest, job: Job, due: number, now: number): void {
    const current = request.state === "sent" ? this.#deadlines.get(request) : undefined;
    this.#deadlines.set(request, dueWithin(job, due, current, now));
  }
}
