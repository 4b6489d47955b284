/**
 * The requests that have no outcome yet, by id, by job and by agent: bookkeeping for the
 * dispatcher, without decisions of its own. What a job's requests share is kept once.
 */

import { WsctlError } from "../../../protocol/errors.ts";
import type { JsonObject } from "../../../protocol/json.ts";
import type { Job, OpenRequest } from "../model.ts";
import { PriorityQueue } from "./priorityQueue.ts";

/** An agent's connection, once it may be given commands. */
export interface ConnectedAgent {
  sessionId: number;
  agentId: string;
  isExtended: boolean;
  /** Absent for a peer of the standard alone. */
  journalId?: string;
}

/** What one agent is to do: in the order of acceptance, first what was sent, then what waits. */
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

/** What may be asked of the open requests from outside. */
export type RequestQueries = Pick<
  RequestTable,
  "get" | "isQueued" | "waiting" | "inflightCount" | "openCount" | "openCountInJob" | "jobByKey"
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

  /** Parameters of all open jobs, in bytes. */
  get parametersBytes(): number {
    return this.#parametersBytes;
  }

  get(requestId: string): OpenRequest | undefined {
    return this.#requests.get(requestId);
  }

  /** Whether it waits here: its agent knows nothing of it yet. */
  isQueued(requestId: string): boolean {
    return this.get(requestId)?.state === "queued";
  }

  /** Who asked for what still waits here, and for whom. */
  waiting(): { createdBy: string; agentId: string }[] {
    return this.queued().map((each) => ({ ...each, ...this.findJob(each) }));
  }

  /** Requests of a job that have no outcome yet. */
  findByJob(jobId: string): OpenRequest[] {
    return [...this.#requests.values()].filter((request) => request.jobId === jobId);
  }

  /** Requests that were not sent yet. */
  queued(): OpenRequest[] {
    return [...this.#requests.values()].filter(({ state }) => state === "queued");
  }

  /** Requests that were sent and have no outcome yet. */
  sent(): OpenRequest[] {
    return [...this.#requests.values()].filter(({ state }) => state === "sent");
  }

  /** Undefined once the last of its requests has ended. */
  job(jobId: string): Job | undefined {
    return this.#jobs.get(jobId)?.job;
  }

  jobByKey(key: string): Job | undefined {
    return this.#jobsByKey.get(key);
  }

  findJob(request: OpenRequest): Job {
    const entry = this.#jobs.get(request.jobId);
    if (entry === undefined) throw new WsctlError("INTERNAL", `job ${request.jobId} is not open`);
    return entry.job;
  }

  /** Requests that were sent to a connected agent. */
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

  /** From now on it is its agent's turn. */
  admit(request: OpenRequest): AgentQueue {
    const queue = this.queue(request.agentId);
    if (request.state === "sent") queue.sent.add(request);
    else queue.waiting.add(request, this.findJob(request).priority ?? "normal");
    return queue;
  }

  /** It was not sent, and waits no longer: it is another's turn. */
  requeue(request: OpenRequest): void {
    const queue = this.#queues.get(request.agentId);
    if (queue === undefined) return;
    queue.waiting.delete(request);
    this.deleteIfIdle(queue);
  }

  /** Takes an ended request out, and its job with the last of its requests. */
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

  /** An agent that is away and has nothing to do takes no room. */
  deleteIfIdle(queue: AgentQueue): void {
    const isIdle = queue.peer === undefined && queue.waiting.size === 0 && queue.sent.size === 0;
    if (isIdle) this.#queues.delete(queue.agentId);
  }
}

/** The size of parameters as they are written, in bytes. */
export function jsonBytes(value: JsonObject | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
