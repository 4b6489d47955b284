/**
 * The part of the dispatcher that sends messages to agents. Requests that an agent may have
 * received are sent again when it reconnects; queued ones follow in order, up to the in-flight
 * limit. Every sent request has a deadline.
 */
import { answerGraceMs, inflightPerAgentMax } from "../../../protocol/limits.ts";
import type { DeadlineQueue } from "../../../time/deadlineQueue.ts";
import type { Job, OpenRequest } from "../model.ts";
import type { ControlTransition } from "../transition.ts";
import { commandMessage } from "./commandMessage.ts";
import { offlineDeadline, responseDeadline, singleSendDeadline } from "./expiry.ts";
import type { OutputSubscriptions } from "./outputSubscriptions.ts";
import type { AgentQueue, ConnectedAgent, RequestTable } from "./requestTable.ts";

export class CommandSender {
  readonly #open: RequestTable;
  readonly #deadlines: DeadlineQueue<OpenRequest>;
  readonly #subscriptions: OutputSubscriptions;

  constructor(
    open: RequestTable,
    deadlines: DeadlineQueue<OpenRequest>,
    subscriptions: OutputSubscriptions,
  ) {
    this.#open = open;
    this.#deadlines = deadlines;
    this.#subscriptions = subscriptions;
  }

  /**
   * Handles an agent that is ready for commands: requests that it may have received are sent again,
   * then the queued ones in order.
   */
  online(peer: ConnectedAgent, t: ControlTransition): void {
    const queue = this.#open.queue(peer.agentId);
    queue.peer = peer;
    for (const request of queue.sent) {
      const job = this.#open.findJob(request);
      if (
        peer.isExtended &&
        request.journalId !== undefined &&
        request.journalId === peer.journalId
      ) {
        this.#send(request, job, peer, t);
      } else {
        // The request cannot be sent again; a response must arrive soon.
        const current = this.#deadlines.get(request) ?? Infinity;
        if (current > Math.max(singleSendDeadline(request, job), t.now + answerGraceMs)) {
          this.#wait(request, job, singleSendDeadline(request, job), t.now);
        }
      }
    }
    this.sendQueued(queue, t);
  }

  offline(agentId: string, now: number): void {
    const queue = this.#open.queue(agentId);
    queue.peer = undefined;
    for (const request of queue.sent) {
      // The deadline of a request that is never sent again does not change when the connection is
      // lost.
      if (request.journalId === undefined) continue;
      const job = this.#open.findJob(request);
      this.#wait(request, job, offlineDeadline(request, job), now);
    }
    this.#open.deleteIfIdle(queue);
  }

  /** Gives the agents of all sent requests at least until `backBy` to respond. */
  waitForReturn(backBy: number): void {
    for (const request of this.#open.sent()) {
      const due = this.#deadlines.get(request);
      if (due !== undefined && due < backBy) this.#deadlines.set(request, backBy);
    }
  }

  /** Sends queued requests in order, up to the agent's in-flight limit. */
  sendQueued(queue: AgentQueue, t: ControlTransition): void {
    if (queue.peer === undefined) return;
    while (queue.sent.size < inflightPerAgentMax) {
      const request = queue.waiting.first();
      if (request === undefined) return;
      queue.waiting.delete(request);
      queue.sent.add(request);
      this.#send(request, this.#open.findJob(request), queue.peer, t);
    }
  }

  /**
   * Cancels a sent request: its agent is informed now or when it reconnects; a peer without the
   * `wsctl.v1` extension is not.
   */
  sendCancel(
    { requestId }: OpenRequest,
    peer: ConnectedAgent | undefined,
    t: ControlTransition,
  ): void {
    if (!peer?.isExtended) return;
    const message = { type: "cancel", request_id: requestId, payload: {} } as const;
    t.send(peer.sessionId, message);
  }

  #send(request: OpenRequest, job: Job, peer: ConnectedAgent, t: ControlTransition): void {
    const { requestId } = request;
    const isRepeat = request.state === "sent";
    this.#wait(request, job, t.now + job.timeoutMs + answerGraceMs, t.now);
    request.state = "sent";
    request.sentAt = t.now;
    if (!isRepeat) {
      if (peer.journalId !== undefined) request.journalId = peer.journalId;
      t.write({ type: "markSent", requestId, sentAt: t.now, journalId: peer.journalId });
    }
    const message = commandMessage(request, job, peer);
    t.send(peer.sessionId, message);
    if (peer.isExtended) {
      for (const follow of this.#subscriptions.messagesFor(requestId)) {
        t.send(peer.sessionId, follow);
      }
    }
    if (job.cancelledAt !== undefined) this.sendCancel(request, peer, t);
  }

  #wait(request: OpenRequest, job: Job, due: number, now: number): void {
    const current = request.state === "sent" ? this.#deadlines.get(request) : undefined;
    this.#deadlines.set(request, responseDeadline(request, job, due, current, now));
  }
}
