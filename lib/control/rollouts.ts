/**
 * Jobs that wait for approval, go out a part at a time, and stop when too much fails. Pure
 * bookkeeping for the dispatcher: which requests of a job may be handed to their agents, and when
 * no more may. All of it follows from what the journal holds, so that it survives a restart in the
 * middle.
 */
import type { OutcomeKind } from "../protocol/api.ts";
import type { Job, OpenRequest } from "./records.ts";

interface Rollout {
  /** So many may be under way at a time. */
  window: number;
  /** One more failure than this stops the rest. */
  failuresMax: number;
  /** By id, in their order. */
  held: Map<string, OpenRequest>;
  underWay: number;
  failures: number;
  isStopped: boolean;
  /** It waits for approval. */
  isHeld: boolean;
}

export class Rollouts {
  readonly #rollouts = new Map<string, Rollout>();

  /** A job with its open requests, in order; gives those that may go out now. */
  add(job: Job & { ended?: number; succeeded?: number }, requests: OpenRequest[]): OpenRequest[] {
    const { batch, maxFailures, ended = 0, succeeded = 0 } = job;
    const isHeld = job.needsApproval === true && job.approvedBy === undefined;
    if (batch === undefined && maxFailures === undefined && !isHeld) return requests;
    const sent = requests.filter(({ state }) => state === "sent");
    const rollout: Rollout = {
      window: batch ?? Number.POSITIVE_INFINITY,
      failuresMax: maxFailures ?? Number.POSITIVE_INFINITY,
      held: new Map(
        requests.flatMap((each) => (each.state === "queued" ? [[each.requestId, each]] : [])),
      ),
      underWay: sent.length,
      failures: ended - succeeded,
      isStopped: false,
      isHeld,
    };
    this.#rollouts.set(job.jobId, rollout);
    return [...sent, ...this.#release(rollout)];
  }

  /** A request has ended: which may go out for it, and whether the rest never will. */
  ended(
    jobId: string,
    requestId: string,
    outcome: OutcomeKind,
  ): { go: OpenRequest[]; isStopped: boolean } {
    const rollout = this.#rollouts.get(jobId);
    if (rollout === undefined) return { go: [], isStopped: false };
    if (!rollout.held.delete(requestId)) rollout.underWay--;
    if (outcome !== "success" && outcome !== "cancelled") rollout.failures++;
    const stops = rollout.failures > rollout.failuresMax && !rollout.isStopped;
    if (stops) this.stop(jobId);
    return { go: this.#release(rollout), isStopped: stops };
  }

  /** A second operator has approved it: which may go out now. */
  approve(jobId: string): OpenRequest[] {
    const rollout = this.#rollouts.get(jobId);
    if (rollout === undefined) return [];
    rollout.isHeld = false;
    return this.#release(rollout);
  }

  /** Nothing more of this job goes out. */
  stop(jobId: string): void {
    const rollout = this.#rollouts.get(jobId);
    if (rollout !== undefined) rollout.isStopped = true;
  }

  /** The job has ended. */
  delete(jobId: string): void {
    this.#rollouts.delete(jobId);
  }

  /** How many failures a job has had. */
  failuresOf(jobId: string): number {
    return this.#rollouts.get(jobId)?.failures ?? 0;
  }

  #release(rollout: Rollout): OpenRequest[] {
    const go: OpenRequest[] = [];
    for (const [requestId, request] of rollout.held) {
      if (rollout.isHeld || rollout.isStopped || rollout.underWay >= rollout.window) break;
      rollout.held.delete(requestId);
      rollout.underWay++;
      go.push(request);
    }
    return go;
  }
}
