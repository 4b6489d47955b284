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
import type { ErrorMessage, Response } from "../../../protocol/wire/message.ts";
import { DeadlineQueue, earlier } from "../../../time/deadlineQueue.ts";
import type {
  CancelFilter,
  Job,
  OpenJournal,
  OpenRequest,
  Outcome,
  RequestDraft,
} from "../model.ts";
import { ControlTransition } from "../transition.ts";
import { checkAdmission } from "./admission.ts";
import type { ReconnectWindow } from "./expiry.ts";
import {
  clampToNow,
  deadlineAfterRestart,
  expiresAt,
  queuedUntil,
  reconnectDeadline,
} from "./expiry.ts";
import {
  buildOutcome,
  cancelledBecause,
  cancelledOutcome,
  type OutcomeDraft,
  offlineOutcome,
  outcomeFromResponse,
  outcomeFromTimeout,
  stoppedOutcome,
} from "./outcome.ts";
import type { OutputSubscriptions } from "./outputSubscriptions.ts";
import { type ConnectedAgent, type RequestQueries, RequestTable } from "./requestTable.ts";
import { Rollouts } from "./rollouts.ts";
import { CommandSender } from "./sender.ts";
import { WorkQueue } from "./workQueue.ts";

export class Dispatcher {
  readonly #open = new RequestTable();
  readonly #deadlines = new DeadlineQueue<OpenRequest>();
  readonly #rollouts = new Rollouts();
  readonly #sender: CommandSender;
  readonly #draining = new WorkQueue<OpenRequest>();

  /** Goes on from what the journal holds; agents that hold answers are given time to return. */
  constructor(
    journal: OpenJournal,
    subscriptions: OutputSubscriptions,
    now: number,
    spread: ReconnectWindow,
  ) {
    this.#sender = new CommandSender(this.#open, this.#deadlines, subscriptions);
    const { jobs, requests } = clampToNow(journal, now);
    for (const { all: _all, ...job } of jobs) this.#open.addJob(job);
    for (const request of requests) this.#open.add(request);
    const ofJob = Map.groupBy(requests, ({ jobId }) => jobId);
    const at = { now, backBy: reconnectDeadline(now, spread) };
    for (const { jobId, all = [] } of jobs) {
      const [job, open] = [this.#open.job(jobId), ofJob.get(jobId) ?? []];
      if (job === undefined) continue;
      for (const each of this.#rollouts.restore(job, all, open, at)) this.#open.admit(each);
      for (const each of open) {
        const due =
          each.state === "queued"
            ? this.#queuedDeadline(each)
            : deadlineAfterRestart(each, job, at.backBy);
        this.#deadlines.set(each, due);
      }
    }
  }

  /** The time of the next `tick` that has something to do. */
  next(): number | undefined {
    return earlier(this.#deadlines.next(), this.#rollouts.next());
  }

  /** What is held in memory, by kind. */
  get sizes(): { open: number; deadlines: number } {
    return { open: this.#open.size, deadlines: this.#deadlines.heldCount };
  }

  /** What is open, to be asked and not to be changed. */
  get requests(): RequestQueries {
    return this.#open;
  }

  /** Accepts a job whole, or refuses it whole; sends at once what can be sent. */
  submit(job: Job, wanted: RequestDraft[], t: ControlTransition): void {
    const { jobId } = job;
    const error = checkAdmission(this.#open, job, wanted);
    if (error !== undefined) return void t.perform({ type: "rejectJob", jobId, error });
    const { requestedBy: _forTheTrail, ...kept } = job;
    this.#open.addJob(kept);
    const requests = wanted.map((each): OpenRequest => {
      const request: OpenRequest = { ...each, jobId, state: "queued" };
      this.#open.add(request);
      return request;
    });
    const first = this.#rollouts.add(kept, requests, job.createdAt);
    for (const request of requests) this.#deadlines.set(request, this.#queuedDeadline(request));
    const sends = new ControlTransition(job.createdAt);
    this.#release(first, sends);
    // The rows are written as they stand after the sending: one write for both.
    t.write({ type: "putJob", job, requests: requests.map((request) => ({ ...request })) });
    const ended = sends.writes.filter(({ type }) => type === "putOutcome");
    // One by one: a job may have more requests than a call may have arguments.
    for (const write of ended) t.write(write);
    for (const effect of sends.effects) t.perform(effect);
    const stored = { ...kept, total: wanted.length, ended: ended.length, succeeded: 0 };
    t.perform({ type: "acceptJob", job: stored, requests: wanted });
  }

  /** An agent may be given commands: what it may know of is repeated, the rest follows in order. */
  online(peer: ConnectedAgent, t: ControlTransition): void {
    this.#sender.online(peer, t);
  }

  offline(agentId: string, now: number): void {
    this.#sender.offline(agentId, now);
  }

  /** An agent's answer. Says whether the request was open, and whether it is the agent's at all. */
  responseReceived(
    peer: ConnectedAgent,
    message: Response | ErrorMessage,
    t: ControlTransition,
  ): "taken" | "not open" | "not yours" {
    const request = this.#open.get(message.request_id ?? "");
    if (request === undefined) return "not open";
    if (request.agentId !== peer.agentId) return "not yours";
    this.#end(request, outcomeFromResponse(message, peer), t);
    if (peer.isExtended) {
      const ack = { type: "ack", request_id: request.requestId, payload: {} } as const;
      t.send(peer.sessionId, ack);
    }
    return "taken";
  }

  /** An answer that cannot be taken: a right one may follow, else this is how the request ended. */
  responseRejected(agentId: string, requestId: string, reason: string): void {
    const request = this.#open.get(requestId);
    if (request?.agentId === agentId) request.rejectedResponse = reason;
  }

  /**
   * Withdraws what of a job was not sent. What was sent may have started: its agent is told to stop
   * it, now or on its return, and answers how it ended; a peer of the standard alone goes on.
   */
  cancel(jobId: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job === undefined) return;
    job.cancelledAt ??= t.now;
    t.write({ type: "markCancelled", jobId, at: job.cancelledAt });
    this.#rollouts.stop(jobId, "it was withdrawn");
    for (const request of this.#open.findByJob(jobId)) {
      if (request.state === "queued") this.#end(request, cancelledOutcome, t);
      else this.#sender.sendCancel(request, this.#open.queue(request.agentId).peer, t);
    }
  }

  /** A job that waited for a second operator goes out. */
  approve(jobId: string, by: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job === undefined || job.approvedBy !== undefined) return;
    job.approvedBy = by;
    t.write({ type: "markApproved", jobId, by });
    this.#release(this.#rollouts.released(jobId, t.now), t);
    this.#nextDeadline(jobId);
  }

  /** What of a job was not sent is held back. */
  pause(jobId: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job === undefined || job.pausedAt !== undefined) return;
    job.pausedAt = t.now;
    t.write({ type: "setPaused", jobId, at: t.now });
    const open = this.#open.findByJob(jobId);
    for (const request of open) this.#open.requeue(request);
    this.#rollouts.requeue(job, open);
    this.#nextDeadline(jobId);
  }

  /** It goes on where it was paused. */
  resume(jobId: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job?.pausedAt === undefined) return;
    delete job.pausedAt;
    t.write({ type: "setPaused", jobId, at: undefined });
    this.#release(this.#rollouts.released(jobId, t.now), t);
  }

  /** What waits for an agent, or was asked for by a token, never goes out: either has ended. */
  cancelMatching({ agentId, createdBy, reason }: CancelFilter, t: ControlTransition): void {
    const waiting = this.#open.queued().filter((request) => {
      return request.agentId === agentId || this.#open.findJob(request).createdBy === createdBy;
    });
    if (createdBy !== undefined)
      for (const { jobId } of waiting) this.#rollouts.stop(jobId, reason);
    for (const request of waiting) {
      // The end of one may have let another go out.
      if (request.state === "queued") this.#end(request, cancelledBecause(reason), t);
    }
  }

  /** An outcome known from a commit that failed: it stands, if the request is open. */
  restore(outcome: Outcome, t: ControlTransition): void {
    const request = this.#open.get(outcome.requestId);
    if (request !== undefined) this.#end(request, outcome, t);
  }

  /**
   * This process stood still. No agent is to blame for what was not read in time, so each is given
   * as long to answer as after a restart.
   */
  waitForReturn(now: number, spread: ReconnectWindow): void {
    const backBy = reconnectDeadline(now, spread);
    for (const request of this.#open.sent()) {
      const due = this.#deadlines.get(request);
      if (due !== undefined && due < backBy) this.#deadlines.set(request, backBy);
    }
  }

  tick(t: ControlTransition): void {
    for (;;) {
      const request = this.#deadlines.popDue(t.now);
      if (request === undefined) break;
      const queue = this.#open.queue(request.agentId);
      const draft = outcomeFromTimeout(request, queue, this.#rollouts.holds(request));
      this.#end(request, draft, t);
    }
    this.#release(this.#rollouts.due(t.now), t);
  }

  /** Until when it waits for its turn, or for its agent. */
  #queuedDeadline(request: OpenRequest): number {
    const job = this.#open.findJob(request);
    return this.#rollouts.holds(request) ? queuedUntil(job) : expiresAt(request, job);
  }

  #nextDeadline(jobId: string): void {
    const held = this.#open.findByJob(jobId).filter((request) => this.#rollouts.holds(request));
    for (const request of held) this.#deadlines.set(request, this.#queuedDeadline(request));
  }

  #end(request: OpenRequest, draft: OutcomeDraft, t: ControlTransition): void {
    const outcome = buildOutcome(request, this.#open.findJob(request), draft, t.now);
    t.write({ type: "putOutcome", outcome });
    t.perform({ type: "publishOutcome", outcome });
    this.#deadlines.delete(request);
    const queue = this.#open.remove(request);
    this.#sender.sendQueued(queue, t);
    this.#open.deleteIfIdle(queue);
    this.#advance(request, outcome, t);
  }

  /** It may be the turn of others of its job, or of none ever: too much has failed. */
  #advance({ jobId }: OpenRequest, { outcome, requestId }: Outcome, t: ControlTransition) {
    const { started, stop } = this.#rollouts.ended(jobId, requestId, outcome, t.now);
    if (stop !== undefined) this.#endQueued(jobId, stoppedOutcome(stop), t);
    this.#release(started, t);
    if (this.#open.job(jobId) === undefined) this.#rollouts.delete(jobId);
  }

  #endQueued(jobId: string, draft: OutcomeDraft, t: ControlTransition): void {
    for (const request of this.#open.findByJob(jobId)) {
      if (request.state === "queued") this.#end(request, draft, t);
    }
  }

  /** It is their turn. Some end on the spot, which makes it the turn of others. */
  #release(requests: readonly OpenRequest[], t: ControlTransition): void {
    this.#draining.run(requests, (request) => {
      // Another's end may have ended it.
      if (this.#open.get(request.requestId) !== undefined) this.#startBatch(request, t);
    });
  }

  #startBatch(request: OpenRequest, t: ControlTransition): void {
    const { requestId, batchAt, agentId } = request;
    const job = this.#open.findJob(request);
    if (job.requireOnline && this.#open.queue(agentId).peer === undefined)
      return this.#end(request, offlineOutcome, t);
    if (batchAt !== undefined) {
      t.write({ type: "markBatchStarted", requestId, at: batchAt });
      this.#deadlines.set(request, expiresAt(request, job));
    }
    this.#sender.sendQueued(this.#open.admit(request), t);
  }
}
