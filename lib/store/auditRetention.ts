/** Lets an audit trail's old records go, a few at a time, and has the trail itself say so. */
import type { Log } from "../log/log.ts";
import { errorText } from "../protocol/errors.ts";
import type { Clock } from "../time/clock.ts";
import type { AuditTrail } from "./auditTrail.ts";

export interface AuditRetentionOptions {
  trail: AuditTrail;
  keepMs: number;
  /** Why records go, for the record that says so: `serve --audit-retention 400d`. */
  reason: string;
  clock: Clock;
  log: Log;
}

const checkIntervalMs = 60 * 60 * 1000;
const pruneStepPauseMs = 25;

/** They go together: a record for each day at the most says so. */
const togetherMs = 24 * 60 * 60 * 1000;

export class AuditRetention {
  readonly #options: AuditRetentionOptions;
  #isPruning = false;
  #cancel = () => {};

  constructor(options: AuditRetentionOptions) {
    this.#options = options;
  }

  /** Now, and every hour; what an earlier process has begun is gone on with. */
  start(): void {
    const { clock, log } = this.#options;
    let isBusy = false;
    try {
      isBusy = this.#runOnce();
    } catch (error) {
      log.warn(`Cannot let old audit records go: ${errorText(error)}; it is tried again`);
    }
    this.#cancel = clock.after(isBusy ? pruneStepPauseMs : checkIntervalMs, () => this.start());
  }

  close(): void {
    this.#cancel();
  }

  /** Whether there is more to do. */
  #runOnce(): boolean {
    const { trail, keepMs, reason, clock, log } = this.#options;
    if (trail.prune()) {
      if (!this.#isPruning) log.info("letting old audit records go");
      this.#isPruning = true;
      return true;
    }
    if (this.#isPruning) log.info("let old audit records go", { through: trail.start.sequence });
    this.#isPruning = false;
    const now = clock.wall();
    if (!trail.isOlderThan(now - keepMs - togetherMs)) return false;
    return trail.pruneStep(now - keepMs, reason, now);
  }
}
