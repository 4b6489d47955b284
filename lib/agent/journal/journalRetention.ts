/** Removes old segments of the agent's log, every hour. */
import type { Log } from "../../log/log.ts";
import { errorText } from "../../protocol/errors.ts";
import { agentLogBytesMax } from "../../protocol/limits.ts";
import type { Clock } from "../../time/clock.ts";
import type { LogJournal } from "./journal.ts";

export interface JournalRetentionOptions {
  journal: Pick<LogJournal, "removeEntries" | "rollIfOlderThan">;
  /** How long entries are kept, in milliseconds. */
  keepMs: number;
  /** The reason in the entry that records the removal, such as `agent --audit-retention 30d`. */
  reason: string;
  clock: Clock;
  log: Log;
}

const checkIntervalMs = 60 * 60 * 1000;
/** An entry outlives its time by at most this part of it. */
const segmentsPerRetention = 16;

export class JournalRetention {
  readonly #options: JournalRetentionOptions;
  #cancel = () => {};

  constructor(options: JournalRetentionOptions) {
    this.#options = options;
  }

  /** Runs now and every hour. */
  start(): void {
    const { clock, log } = this.#options;
    try {
      this.#runOnce();
    } catch (error) {
      log.warn(`Cannot remove old log entries: ${errorText(error)}. Retrying later`);
    }
    this.#cancel = clock.after(checkIntervalMs, () => this.start());
  }

  close(): void {
    this.#cancel();
  }

  #runOnce(): void {
    const { journal, keepMs, reason, clock, log } = this.#options;
    journal.rollIfOlderThan(keepMs / segmentsPerRetention);
    const through = journal.removeEntries(clock.wall() - keepMs, agentLogBytesMax, reason);
    if (through !== undefined) log.info("log entries removed", { through });
  }
}
