/**
 * The open requests by id, job and agent. It makes no decisions. Data that the requests of a job
 * share is stored once.
 */

import { WsctlError } from "../../../protocol/errors.ts";
import type { JsonObject } from "../../../protocol/json.ts";
import type { Job, OpenRequest } from "../model.ts";
import { PriorityQueue } from "./priorityQueue.ts";

/** An agent's connection that is ready for commands. */
export interface ConnectedAgent {
  sessionId: number;
  agentId: string;
  isExtended: boolean;
  /** Absent for a peer without the `wsctl.v1` extension. */
  journalId?: string;
  /** By how much the clock was set since the agent measured it, in milliseconds. */
  clockSetByMs: number;
}

/** The requests of one agent in the order of acceptance: first the sent ones, then the queue. */
export interface AgentQueue {
  agentId: string;
  peer: ConnectedAgent | undefined;
  waiting: PriorityQueue;
  sent: Set<OpenRequest>;
}

interface OpenJob {
  job: Job;
  open: number;
}

/** The read-only queries on open requests. */
export type RequestQueries = Pick<
  RequestTable,
  | "jobs"
  | "all"
  | "get"
  | "isQueued"
  | "waiting"
  | "inflightCount"
  | "openCount"
  | "openCountInJob"
  | "jobByKey"
>;

export class RequestTable {
  readonly #jobs = new Map<string, OpenJob>();
  readonly #jobsByKey = new Map<string, Job>();
  readonly #requests = new Map<string, OpenRequest>();
  readonly #queues = new Map<string, AgentQueue>();
  #parametersBytes = 0;

  get size(): number {
    return this.#requests.size;
  }

  /** The parameters of all open jobs, in bytes. */
  get parametersBytes(): number {
    return this.#parametersBytes;
  }

  /** Moves the times of everything that is open, so that durations are counted as before. */
  shift(byMs: number): void {
    for (const { peer } of this.#queues.values()) if (peer) peer.clockSetByMs += byMs;
    for (const { job } of this.#jobs.values()) job.createdAt += byMs;
    for (const request of this.#requests.values()) {
      if (request.batchAt !== undefined) request.batchAt += byMs;
      if (request.sentAt !== undefined) request.sentAt += byMs;
    }
  }

  /** The jobs with open requests. */
  jobs(): Job[] {
    return Array.from(this.#jobs.values(), ({ job }) => job);
  }

  all(): Iterable<OpenRequest> {
    return this.#requests.values();
  }

  get(requestId: string): OpenRequest | undefined {
    return this.#requests.get(requestId);
  }

  /** Whether it is queued here and unknown to its agent. */
  isQueued(requestId: string): boolean {
    return this.get(requestId)?.state === "queued";
  }

  /** The creator and agent of each queued request. */
  waiting(): { createdBy: string; agentId: string }[] {
    return this.queued().map((each) => ({ ...each, ...this.findJob(each) }));
  }

  /** Returns the open requests of a job. */
  findByJob(jobId: string): OpenRequest[] {
    return [...this.#requests.values()].filter((request) => request.jobId === jobId);
  }

  /** Returns the requests that were not sent yet. */
  queued(): OpenRequest[] {
    return [...this.#requests.values()].filter(({ state }) => state === "queued");
  }

  /** Returns the requests that were sent and are still open. */
  sent(): OpenRequest[] {
    return [...this.#requests.values()].filter(({ state }) => state === "sent");
  }

  /** Returns undefined once the last of its requests has ended. */
  job(jobId: string): Job | undefined {
    return this.#jobs.get(jobId)?.job;
  }

  jobByKey(key: string): Job | undefined {
    return this.#jobsByKey.get(key);
  }

  /** @throws {WsctlError} INTERNAL */
  findJob(request: OpenRequest): Job {
    const entry = this.#jobs.get(request.jobId);
    if (entry === undefined) throw new WsctlError("INTERNAL", `Job ${request.jobId} is not open`);
    return entry.job;
  }

  /** The number of requests that were sent to a connected agent. */
  get inflightCount(): number {
    let count = 0;
    for (const queue of this.#queues.values()) if (queue.peer) count += queue.sent.size;
    return count;
  }

  openCount(agentId: string): number {
    const queue = this.#queues.get(agentId);
    return queue ? queue.waiting.size + queue.sent.size : 0;
  }

  openCountInJob(jobId: string): number {
    return this.#jobs.get(jobId)?.open ?? 0;
  }

  addJob(job: Job): void {
    this.#jobs.set(job.jobId, { job, open: 0 });
    this.#parametersBytes += jsonBytes(job.parameters);
    if (job.idempotency) this.#jobsByKey.set(job.idempotency.key, job);
  }

  add(request: OpenRequest): void {
    this.#requests.set(request.requestId, request);
    const entry = this.#jobs.get(request.jobId);
    if (entry !== undefined) entry.open++;
  }

  /** Adds a request to the queue of its agent. */
  admit(request: OpenRequest): AgentQueue {
    const queue = this.queue(request.agentId);
    if (request.state === "sent") queue.sent.add(request);
    else queue.waiting.add(request, this.findJob(request).priority ?? "normal");
    return queue;
  }

  /** Removes a request that was not sent from the queue of its agent. */
  requeue(request: OpenRequest): void {
    const queue = this.#queues.get(request.agentId);
    if (queue === undefined) return;
    queue.waiting.delete(request);
    this.deleteIfIdle(queue);
  }

  /** Removes an ended request, and its job with the last of its requests. */
  remove(request: OpenRequest): AgentQueue {
    const queue = this.queue(request.agentId);
    this.#requests.delete(request.requestId);
    queue.waiting.delete(request);
    queue.sent.delete(request);
    const entry = this.#jobs.get(request.jobId);
    if (entry !== undefined && --entry.open === 0) {
      this.#jobs.delete(request.jobId);
      this.#parametersBytes -= jsonBytes(entry.job.parameters);
      if (entry.job.idempotency) this.#jobsByKey.delete(entry.job.idempotency.key);
    }
    return queue;
  }

  queue(agentId: string): AgentQueue {
    let queue = this.#queues.get(agentId);
    if (queue === undefined) {
      queue = { agentId, peer: undefined, waiting: new PriorityQueue(), sent: new Set() };
      this.#queues.set(agentId, queue);
    }
    return queue;
  }

  /** An offline agent without requests takes no memory. */
  deleteIfIdle(queue: AgentQueue): void {
    const isIdle = queue.peer === undefined && queue.waiting.size === 0 && queue.sent.size === 0;
    if (isIdle) this.#queues.delete(queue.agentId);
  }
}

/** Returns the size of the serialized parameters in bytes. */
export function jsonBytes(value: JsonObject | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
