/**
 * Tracks jobs that run in batches, need approval or are paused, and stops them when too many
 * requests fail. It only decides which requests may start and when the rollout stops. All of its
 * state follows from the journal, so that it survives a restart.
 *
 * The requests of a job are ordered and divided into stages. Canaries are the first stage; with
 * waves every batch is a stage, otherwise the rest is one stage. A stage starts when every request
 * of the previous one has ended and the pause has passed. Within a stage, the batch size limits how
 * many requests run at a time.
 */
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import { DeadlineQueue } from "../../../time/deadlineQueue.ts";
import type { Job, OpenRequest, RequestProgress } from "../model.ts";

interface Rollout {
  /** The dispatcher's object, from which approval and pause are read. */
  job: Job;
  /** Requests that may not start yet, by id, in order. */
  held: Map<string, OpenRequest>;
  positions: Map<string, number>;
  /** The number of open requests of each stage. */
  open: number[];
  batchIndex: number;
  /** The earliest start of the stage's requests. */
  batchFrom: number;
  running: number;
  lastEndedAt: number;
  failures: number;
  /** Why the rollout stopped. */
  stop?: string;
}

/** The consequence of the end of a request. */
export interface BatchStarted {
  started: OpenRequest[];
  /** Why the rollout stopped, reported once. */
  stop?: string;
}

export function isRollout(job: Job): boolean {
  const { batch, maxFailures, canary, pausedAt } = job;
  return (
    [batch, maxFailures, canary, pausedAt].some((each) => each !== undefined) || !isApproved(job)
  );
}

/** Whether the job needs no further approval. */
function isApproved({ needsApproval, approvedBy }: Job): boolean {
  return needsApproval !== true || approvedBy !== undefined;
}

export class Rollouts {
  readonly #rollouts = new Map<string, Rollout>();
  /** Start times of stages that only wait for time to pass. */
  readonly #startTimes = new DeadlineQueue<string>();

  /** The time of the next `due` that returns requests. */
  next(): number | undefined {
    return this.#startTimes.next();
  }

  /** Handles a clock that was set by a number of milliseconds. */
  shift(byMs: number): void {
    this.#startTimes.shift(byMs);
    for (const rollout of this.#rollouts.values()) {
      rollout.batchFrom += byMs;
      rollout.lastEndedAt += byMs;
    }
  }

  /** Adds a new job with its requests in order. Returns those that may start. */
  add(job: Job, open: readonly OpenRequest[], now: number): OpenRequest[] {
    if (!isRollout(job)) return [...open];
    return this.#release(this.#begin(job, open, open), now);
  }

  /**
   * Restores a job after a restart, with all its requests and the open ones, both in order. Returns
   * those that had already started. More may follow immediately from `due`.
   */
  restore(
    job: Job,
    all: readonly RequestProgress[],
    open: readonly OpenRequest[],
    { now, backBy }: { now: number; backBy: number },
  ): OpenRequest[] {
    if (!isRollout(job)) return [...open];
    const rollout = this.#begin(job, all, open);
    // No agent is connected yet, and offline agents are known only after all could reconnect.
    const from = job.requireOnline ? backBy : now;
    rollout.batchFrom = Math.max(rollout.batchFrom, from);
    this.#startTimes.set(job.jobId, rollout.batchFrom);
    return open.filter((each) => !rollout.held.has(each.requestId));
  }

  #begin(job: Job, all: readonly RequestProgress[], open: readonly OpenRequest[]): Rollout {
    const isHeld = (each: OpenRequest) => each.state === "queued" && each.batchAt === undefined;
    const mayGo = job.pausedAt === undefined && isApproved(job);
    const held = mayGo ? open.filter(isHeld) : open.filter(({ state }) => state === "queued");
    const rollout: Rollout = {
      job,
      held: new Map(held.map((each) => [each.requestId, each])),
      positions: new Map(all.map(({ requestId }, position) => [requestId, position])),
      open: [],
      batchIndex: 0,
      batchFrom: Number.NEGATIVE_INFINITY,
      running: open.length - held.length,
      lastEndedAt: Number.NEGATIVE_INFINITY,
      failures: 0,
    };
    this.#rollouts.set(job.jobId, rollout);
    for (const [position] of all.entries()) count(rollout, batchIndexOf(job, position), 1);
    for (const each of all)
      if (each.outcome !== undefined) countOutcome(rollout, each, each.outcome);
    return rollout;
  }

  /** Handles the end of a request. Returns which requests start, and whether the rollout stops. */
  ended(jobId: string, requestId: string, outcome: OutcomeKind, now: number): BatchStarted {
    const rollout = this.#rollouts.get(jobId);
    if (rollout === undefined) return { started: [] };
    if (!rollout.held.delete(requestId)) rollout.running--;
    const { stop: before } = rollout;
    countOutcome(rollout, { requestId, endedAt: now }, outcome);
    const { stop } = rollout;
    if (stop !== undefined && before === undefined) return { started: [], stop };
    return { started: this.#release(rollout, now) };
  }

  /** Returns the requests that start after an approval or a resume. */
  released(jobId: string, now: number): OpenRequest[] {
    const rollout = this.#rollouts.get(jobId);
    return rollout === undefined ? [] : this.#release(rollout, now);
  }

  /**
   * Handles a pause: requests that were not sent lose their place in the batch and get it again in
   * order.
   */
  requeue(job: Job, open: readonly OpenRequest[]): void {
    const rollout = this.#rollouts.get(job.jobId);
    if (rollout === undefined) return void this.#begin(job, open, open);
    const queued = open.filter(({ state }) => state === "queued");
    rollout.running -= queued.length - rollout.held.size;
    rollout.held = new Map(queued.map((each) => [each.requestId, each]));
  }

  /** Stops the rollout of this job. */
  stop(jobId: string, why: string): void {
    const rollout = this.#rollouts.get(jobId);
    if (rollout !== undefined) rollout.stop ??= why;
  }

  /** Whether the request may not start yet. */
  holds({ jobId, requestId }: OpenRequest): boolean {
    return this.#rollouts.get(jobId)?.held.has(requestId) === true;
  }

  /** Returns the requests whose stage has started by now. */
  due(now: number): OpenRequest[] {
    const go: OpenRequest[] = [];
    for (;;) {
      const jobId = this.#startTimes.popDue(now);
      if (jobId === undefined) return go;
      for (const request of this.released(jobId, now)) go.push(request);
    }
  }

  /** Removes a job that has ended. */
  delete(jobId: string): void {
    this.#rollouts.delete(jobId);
    this.#startTimes.delete(jobId);
  }

  #release(rollout: Rollout, now: number): OpenRequest[] {
    const { job, held, positions, batchFrom, batchIndex } = rollout;
    const go: OpenRequest[] = [];
    if (rollout.stop !== undefined || job.pausedAt !== undefined || !isApproved(job)) return go;
    if (held.size > 0 && batchFrom > now) this.#startTimes.set(job.jobId, batchFrom);
    if (batchFrom > now) return go;
    for (const [requestId, request] of held) {
      if (rollout.running >= (job.batch ?? Number.POSITIVE_INFINITY)) break;
      if (batchIndexOf(job, positions.get(requestId) ?? 0) > batchIndex) break;
      held.delete(requestId);
      rollout.running++;
      request.batchAt = now;
      go.push(request);
    }
    return go;
  }
}

/** Counts an end in its stage, and a failure, and starts the next stage if this one has ended. */
function countOutcome(
  rollout: Rollout,
  { requestId, endedAt = 0 }: RequestProgress,
  outcome: OutcomeKind,
): void {
  const { job } = rollout;
  const turn = batchIndexOf(job, rollout.positions.get(requestId) ?? 0);
  rollout.lastEndedAt = Math.max(rollout.lastEndedAt, endedAt);
  // A cancelled canary does not count as a success.
  if (isCanary(job, turn) && outcome !== "success") {
    rollout.stop ??= "a failed canary";
  }
  if (outcome !== "success" && outcome !== "cancelled") {
    rollout.failures++;
    if (rollout.failures > (job.maxFailures ?? Number.POSITIVE_INFINITY)) {
      rollout.stop ??= rollout.failures === 1 ? "1 failure" : `${rollout.failures} failures`;
    }
  }
  count(rollout, turn, -1);
  if (rollout.open[rollout.batchIndex] !== 0 || rollout.batchIndex >= rollout.open.length) return;
  const pauseMs = isCanary(job, rollout.batchIndex) ? job.canaryPauseMs : job.batchPauseMs;
  while (rollout.open[rollout.batchIndex] === 0) rollout.batchIndex++;
  rollout.batchFrom = Math.max(rollout.batchFrom, rollout.lastEndedAt + (pauseMs ?? 0));
}

function batchIndexOf({ canary = 0, waves, batch = 1 }: Job, position: number): number {
  if (position < canary) return 0;
  const first = canary > 0 ? 1 : 0;
  return waves ? first + Math.floor((position - canary) / batch) : first;
}

function isCanary({ canary = 0 }: Job, turn: number): boolean {
  return canary > 0 && turn === 0;
}

function count({ open }: Rollout, turn: number, more: number): void {
  open[turn] = (open[turn] ?? 0) + more;
}
