/** Removes old segments of the agent's log, every hour. */
import { HourlyTask } from "../../log/hourlyTask.ts";
import type { Log } from "../../log/log.ts";
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

/** An entry outlives its time by at most this part of it. */
const segmentsPerRetention = 16;

export function journalRetention(options: JournalRetentionOptions): HourlyTask {
  const { journal, keepMs, reason, clock, log } = options;
  const run = () => {
    journal.rollIfOlderThan(keepMs / segmentsPerRetention);
    const through = journal.removeEntries(clock.wall() - keepMs, agentLogBytesMax, reason);
    if (through !== undefined) log.info("log entries removed", { through });
  };
  return new HourlyTask({ clock, log, what: "remove old log entries", run });
}
