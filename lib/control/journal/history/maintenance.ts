/**
 * Maintains the history in the background: it completes the index and prunes old jobs. Each small
 * step is followed by a longer pause, so that requests are hardly affected. The next process
 * continues what this one leaves unfinished.
 */
import type { Log } from "../../../log/log.ts";
import { errorText } from "../../../protocol/errors.ts";
import type { Clock } from "../../../time/clock.ts";
import type { ControlJournal } from "../journal.ts";

export interface JobRetention {
  /** The maximum age of a job. */
  retentionMs: number;
  /** The maximum number of stored requests. */
  requestsMax: number;
}

export interface HistoryMaintenanceOptions extends JobRetention {
  journal: Pick<ControlJournal, "upkeepLater" | "audit">;
  clock: Clock;
  log: Log;
}

/**
 * The minimum age for pruning, whatever the number of requests: a younger request could still be
 * repeated or get a late response. It covers the longest TTL plus the longest timeout.
 */
export const jobRetentionMsMin = 9 * 24 * 60 * 60 * 1000;

const idleMs = 1_000;
const retryMs = 60_000;
const sweepIntervalMs = 60 * 60 * 1000;
const pruneStepPauseMsMin = 5;
/** The pause after each step, as a multiple of its duration. */
const pauseShare = 4;

interface Sweep {
  after: string;
  jobs: number;
  requests: number;
}

export class HistoryMaintenance {
  readonly #options: HistoryMaintenanceOptions;
  #cancel = () => {};
  #isClosed = false;
  #sweep: Sweep | undefined;
  #sweepAt = Number.NEGATIVE_INFINITY;

  constructor(options: HistoryMaintenanceOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const begun = clock.now();
    let waitMs = idleMs;
    try {
      const isBusy = await this.#runOnce(begun);
      if (isBusy) waitMs = Math.max(pruneStepPauseMsMin, pauseShare * (clock.now() - begun));
    } catch (error) {
      if (this.#isClosed) return;
      waitMs = retryMs;
      this.#sweepAt = begun;
      this.#sweep = undefined;
      log.warn(`Cannot maintain the journal: ${errorText(error)}. Trying again in a minute`);
    }
    if (!this.#isClosed) this.#cancel = clock.after(waitMs, () => this.start());
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** Runs one step and returns whether there is more to do. */
  async #runOnce(now: number): Promise<boolean> {
    const { upkeepLater } = this.#options.journal;
    if ((await upkeepLater.indexHistory()) || (await upkeepLater.mergeHistory())) return true;
    if (this.#sweep === undefined) {
      if (now < this.#sweepAt) return false;
      this.#sweepAt = now + sweepIntervalMs;
      this.#sweep = { after: "", jobs: 0, requests: 0 };
    }
    const { retentionMs, requestsMax } = this.#options;
    const floor = now - jobRetentionMsMin;
    const keep = { now, before: Math.min(now - retentionMs, floor), requestsMax, floor };
    const { jobs, requests, next } = await upkeepLater.pruneJobs(keep, this.#sweep.after);
    this.#sweep.jobs += jobs;
    this.#sweep.requests += requests;
    if (requests > 0) this.#options.log.debug("job pruning started", { jobs, requests });
    if (next !== undefined) {
      this.#sweep.after = next;
      return true;
    }
    if (await upkeepLater.shrinkHistory()) return true;
    this.#end(this.#sweep);
    return false;
  }

  #end({ jobs, requests }: Sweep): void {
    this.#sweep = undefined;
    if (requests === 0) return;
    const { journal, log } = this.#options;
    const resource = { jobs, requests };
    journal.audit.write({ action: "job.prune", outcome: "accepted", resource });
    log.info("jobs pruned", resource);
  }
}
