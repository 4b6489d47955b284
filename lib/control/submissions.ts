/** Orders that have been handed to the core and wait to be on disk, or to be refused. */
import type { StoredJob } from "./journal.ts";

type Waiter = PromiseWithResolvers<StoredJob>;

export class Submissions {
  readonly #waiters = new Map<string, Waiter>();

  /** Resolved once the job is durable. */
  add(jobId: string): Promise<StoredJob> {
    const waiter = Promise.withResolvers<StoredJob>();
    this.#waiters.set(jobId, waiter);
    return waiter.promise;
  }

  /** The promise of a job that is not settled yet. */
  waiting(jobId: string): Promise<StoredJob> | undefined {
    return this.#waiters.get(jobId)?.promise;
  }

  accept(job: StoredJob): void {
    this.#take(job.jobId)?.resolve(job);
  }

  refuse(jobId: string, error: Error): void {
    this.#take(jobId)?.reject(error);
  }

  #take(jobId: string): Waiter | undefined {
    const waiter = this.#waiters.get(jobId);
    this.#waiters.delete(jobId);
    return waiter;
  }
}
