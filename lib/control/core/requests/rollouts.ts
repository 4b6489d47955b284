/**
 * Jobs that go out a part at a time, wait for approval or are paused, and stop when too much fails.
 * Pure bookkeeping for the dispatcher: whose turn it is, and when nobody's any more. All of it
 * follows from what the journal holds, so that it survives a restart in the middle.
 *
 * A job's requests have an order. Canaries are the first turn; with waves every batch is one more,
 * otherwise all the rest is. A turn begins when every request of those before it has ended, and
 * after the pause between them; within a turn so many are under way at a time as the batch says.
 */
import type { OutcomeKind } from "../../../protocol/api/views.ts";
import { DeadlineQueue } from "../../../time/deadlineQueue.ts";
import type { Job, OpenRequest, RequestProgress } from "../model.ts";

interface Rollout {
  /** The dispatcher's own: whether it is approved and paused is read from it. */
  job: Job;
  /** Those whose turn has not come, by id, in their order. */
  held: Map<string, OpenRequest>;
  positions: Map<string, number>;
  /** How many are open in each turn. */
  open: number[];
  batchIndex: number;
  /** The turn's requests go out no earlier. */
  batchFrom: number;
  running: number;
  lastEndedAt: number;
  failures: number;
  /** Why nothing more goes out. */
  stop?: string;
}

/** What the end of a request leads to. */
export interface BatchStarted {
  started: OpenRequest[];
  /** Why the rest never goes out, told once. */
  stop?: string;
}

export function isRollout(job: Job): boolean {
  const { batch, maxFailures, canary, pausedAt } = job;
  return (
    [batch, maxFailures, canary, pausedAt].some((each) => each !== undefined) || !isApproved(job)
  );
}

/** Whether nobody has to approve it any more. */
function isApproved({ needsApproval, approvedBy }: Job): boolean {
  return needsApproval !== true || approvedBy !== undefined;
}

export class Rollouts {
  readonly #rollouts = new Map<string, Rollout>();
  /** When a turn of a job begins that waits for nothing but time. */
  readonly #startTimes = new DeadlineQueue<string>();

  /** The time of the next `due` that has something to give. */
  next(): number | undefined {
    return this.#startTimes.next();
  }

  /** A new job with its requests in order; gives those whose turn it is. */
  add(job: Job, open: readonly OpenRequest[], now: number): OpenRequest[] {
    if (!isRollout(job)) return [...open];
    return this.#release(this.#begin(job, open, open), now);
  }

  /**
   * A job from before a restart, with all of its requests and those that are open, both in order;
   * gives those whose turn it was already. Others may follow at once, with `due`.
   */
  restore(
    job: Job,
    all: readonly RequestProgress[],
    open: readonly OpenRequest[],
    { now, backBy }: { now: number; backBy: number },
  ): OpenRequest[] {
    if (!isRollout(job)) return [...open];
    const rollout = this.#begin(job, all, open);
    // Nobody is there yet: whether an agent is away cannot be judged before all could return.
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

  /** A request has ended: whose turn it is now, and whether the rest never goes out. */
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

  /** Whose turn it is now that the job was approved, or goes on after a pause. */
  released(jobId: string, now: number): OpenRequest[] {
    const rollout = this.#rollouts.get(jobId);
    return rollout === undefined ? [] : this.#release(rollout, now);
  }

  /** The job is paused: what has not been sent loses its turn, and gets it again in order. */
  requeue(job: Job, open: readonly OpenRequest[]): void {
    const rollout = this.#rollouts.get(job.jobId);
    if (rollout === undefined) return void this.#begin(job, open, open);
    const queued = open.filter(({ state }) => state === "queued");
    rollout.running -= queued.length - rollout.held.size;
    rollout.held = new Map(queued.map((each) => [each.requestId, each]));
  }

  /** Nothing more of this job goes out. */
  stop(jobId: string, why: string): void {
    const rollout = this.#rollouts.get(jobId);
    if (rollout !== undefined) rollout.stop ??= why;
  }

  /** Whether it waits for its turn. */
  holds({ jobId, requestId }: OpenRequest): boolean {
    return this.#rollouts.get(jobId)?.held.has(requestId) === true;
  }

  /** Those for whom a turn has begun by now. */
  due(now: number): OpenRequest[] {
    const go: OpenRequest[] = [];
    for (;;) {
      const jobId = this.#startTimes.popDue(now);
      if (jobId === undefined) return go;
      for (const request of this.released(jobId, now)) go.push(request);
    }
  }

  /** The job has ended. */
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

/** An end: one fewer in its turn, perhaps a failure, perhaps the beginning of the next turn. */
function countOutcome(
  rollout: Rollout,
  { requestId, endedAt = 0 }: RequestProgress,
  outcome: OutcomeKind,
): void {
  const { job } = rollout;
  const turn = batchIndexOf(job, rollout.positions.get(requestId) ?? 0);
  rollout.lastEndedAt = Math.max(rollout.lastEndedAt, endedAt);
  // A canary that was withdrawn has vouched for nothing either.
  if (isCanary(job, turn) && outcome !== "success") {
    rollout.stop ??= "a canary that did not succeed";
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
