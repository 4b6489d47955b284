/** Prunes old entries of an audit trail in small steps and records the pruning in the trail. */
import type { Log } from "../log/log.ts";
import { errorText } from "../protocol/errors.ts";
import type { Clock } from "../time/clock.ts";
import type { AuditTrail } from "./auditTrail.ts";

export interface AuditRetentionOptions {
  trail: AuditTrail;
  keepMs: number;
  /** The reason in the audit entry, such as `serve --audit-retention 400d`. */
  reason: string;
  clock: Clock;
  log: Log;
}

const checkIntervalMs = 60 * 60 * 1000;
const pruneStepPauseMs = 25;

/** Pruning is batched, so that it adds at most one entry a day. */
const togetherMs = 24 * 60 * 60 * 1000;

export class AuditRetention {
  readonly #options: AuditRetentionOptions;
  #isPruning = false;
  #cancel = () => {};

  constructor(options: AuditRetentionOptions) {
    this.#options = options;
  }

  /** Runs now and every hour, and continues what an earlier process has started. */
  start(): void {
    const { clock, log } = this.#options;
    let isBusy = false;
    try {
      isBusy = this.#runOnce();
    } catch (error) {
      log.warn(`Cannot prune the audit trail: ${errorText(error)}. Retrying later`);
    }
    this.#cancel = clock.after(isBusy ? pruneStepPauseMs : checkIntervalMs, () => this.start());
  }

  close(): void {
    this.#cancel();
  }

  /** Runs one step and returns whether there is more to do. */
  #runOnce(): boolean {
    const { trail, keepMs, reason, clock, log } = this.#options;
    if (trail.prune()) {
      if (!this.#isPruning) log.info("audit pruning started");
      this.#isPruning = true;
      return true;
    }
    if (this.#isPruning) log.info("audit pruned", { through: trail.start.sequence });
    this.#isPruning = false;
    const now = clock.wall();
    if (!trail.isOlderThan(now - keepMs - togetherMs)) return false;
    return trail.pruneStep(now - keepMs, reason, now);
  }
}
