/**
 * The dispatcher decides when a request is sent to its agent and how it ends. It is a pure state
 * machine: every method is passed the time and adds writes and effects to the transition.
 *
 * A request is `queued` until it is passed to its agent's connection, then `sent`, and finally ends
 * with exactly one outcome. `sent` is written before the message leaves, so only a request that was
 * certainly never sent ends as `expired`. A command is sent again only to the same journal that it
 * was sent to before, because a `wsctl.v1` agent answers a repeat from there. To any other peer it
 * is sent once, and if its end cannot be determined, it is `lost`.
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

  /** Starts from the state in the journal; agents that hold responses get time to reconnect. */
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

  /** The time of the next `tick` that is needed. */
  next(): number | undefined {
    return earlier(this.#deadlines.next(), this.#rollouts.next());
  }

  get sizes(): { open: number; deadlines: number } {
    return { open: this.#open.size, deadlines: this.#deadlines.heldCount };
  }

  /** Read-only access to the open requests. */
  get requests(): RequestQueries {
    return this.#open;
  }

  /** Accepts or rejects a job as a whole, and sends the requests that can be sent. */
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
    // Written after the sending, with the resulting state, to save a second write.
    t.write({ type: "putJob", job, requests: requests.map((request) => ({ ...request })) });
    const ended = sends.writes.filter(({ type }) => type === "putOutcome");
    // Not `push(...)`: a job may have more requests than a call may have arguments.
    for (const write of ended) t.write(write);
    for (const effect of sends.effects) t.perform(effect);
    const stored = { ...kept, total: wanted.length, ended: ended.length, succeeded: 0 };
    t.perform({ type: "acceptJob", job: stored, requests: wanted });
  }

  /**
   * Handles an agent that is ready for commands: requests that it may have received are sent again,
   * then the queued ones in order.
   */
  online(peer: ConnectedAgent, t: ControlTransition): void {
    this.#sender.online(peer, t);
  }

  offline(agentId: string, now: number): void {
    this.#sender.offline(agentId, now);
  }

  /** Handles an agent's response. Returns whether the request was open and belongs to the agent. */
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
      t.send(peer.sessionId, { type: "ack", request_id: request.requestId, payload: {} });
    }
    return "taken";
  }

  /** Handles a rejected response. A valid one may follow; otherwise this is the outcome. */
  responseRejected(agentId: string, requestId: string, reason: string): void {
    const request = this.#open.get(requestId);
    if (request?.agentId === agentId) request.rejectedResponse = reason;
  }

  /**
   * Cancels a job. Queued requests end. A sent request may have started: its agent is asked to stop
   * it, now or after it reconnects, and reports how it ended. A peer without the `wsctl.v1`
   * extension continues.
   */
  cancel(jobId: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job === undefined) return;
    job.cancelledAt ??= t.now;
    t.write({ type: "markCancelled", jobId, at: job.cancelledAt });
    this.#rollouts.stop(jobId, "the job was cancelled");
    for (const request of this.#open.findByJob(jobId)) {
      if (request.state === "queued") this.#end(request, cancelledOutcome, t);
      else this.#sender.sendCancel(request, this.#open.queue(request.agentId).peer, t);
    }
  }

  approve(jobId: string, by: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job === undefined || job.approvedBy !== undefined) return;
    job.approvedBy = by;
    t.write({ type: "markApproved", jobId, by });
    this.#release(this.#rollouts.released(jobId, t.now), t);
    this.#nextDeadline(jobId);
  }

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

  resume(jobId: string, t: ControlTransition): void {
    const job = this.#open.job(jobId);
    if (job?.pausedAt === undefined) return;
    delete job.pausedAt;
    t.write({ type: "setPaused", jobId, at: undefined });
    this.#release(this.#rollouts.released(jobId, t.now), t);
  }

  /** Cancels the queued requests of an agent or token that has ended. */
  cancelMatching({ agentId, createdBy, reason }: CancelFilter, t: ControlTransition): void {
    const waiting = this.#open.queued().filter((request) => {
      return request.agentId === agentId || this.#open.findJob(request).createdBy === createdBy;
    });
    if (createdBy !== undefined)
      for (const { jobId } of waiting) this.#rollouts.stop(jobId, reason);
    for (const request of waiting) {
      // The end of one request may have started another.
      if (request.state === "queued") this.#end(request, cancelledBecause(reason), t);
    }
  }

  /** Restores an outcome whose commit failed, if the request is open. */
  restore(outcome: Outcome, t: ControlTransition): void {
    const request = this.#open.get(outcome.requestId);
    if (request !== undefined) this.#end(request, outcome, t);
  }

  /**
   * Handles a suspension of this process. Agents are not responsible for messages that were not
   * read in time, so each gets as long to respond as after a restart.
   */
  waitForReturn(now: number, spread: ReconnectWindow): void {
    this.#sender.waitForReturn(reconnectDeadline(now, spread));
  }

  /** Handles a clock that was set. Durations are counted as before; signatures end by the clock. */
  clockSet(byMs: number): void {
    for (const each of [this.#open, this.#rollouts, this.#deadlines]) each.shift(byMs);
    for (const request of this.#open.queued()) {
      this.#deadlines.set(request, this.#queuedDeadline(request));
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

  /** Until when it waits for its batch or for its agent. */
  #queuedDeadline(request: OpenRequest): number {
    const job = this.#open.findJob(request);
    return this.#rollouts.holds(request) ? queuedUntil(job) : expiresAt(request, job);
  }

  #nextDeadline(jobId: string): void {
    const held = this.#open.findByJob(jobId).filter((request) => this.#rollouts.holds(request));
    for (const request of held) this.#deadlines.set(request, this.#queuedDeadline(request));
  }

  #end(request: OpenRequest, draft: OutcomeDraft, t: ControlTransition): void {
    const job = this.#open.findJob(request);
    const outcome = buildOutcome(request, job, draft, t.now);
    t.write({ type: "putOutcome", outcome });
    t.perform({ type: "publishOutcome", outcome, command: job.command });
    this.#deadlines.delete(request);
    const queue = this.#open.remove(request);
    this.#sender.sendQueued(queue, t);
    this.#open.deleteIfIdle(queue);
    this.#advance(request, outcome, t);
  }

  /** The outcome may start the next requests of its job, or stop the rollout. */
  #advance({ jobId }: OpenRequest, { outcome, requestId }: Outcome, t: ControlTransition) {
    const { started, stop } = this.#rollouts.ended(jobId, requestId, outcome, t.now);
    if (stop !== undefined) {
      for (const queued of this.#open.findByJob(jobId)) {
        if (queued.state === "queued") this.#end(queued, stoppedOutcome(stop), t);
      }
    }
    this.#release(started, t);
    if (this.#open.job(jobId) === undefined) this.#rollouts.delete(jobId);
  }

  /** Starts a batch. Some of its requests may end immediately, which may start others. */
  #release(requests: readonly OpenRequest[], t: ControlTransition): void {
    this.#draining.run(requests, (request) => {
      // The end of another request may have ended it.
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
