/**
 * Removes old segments of the control plane's log, every hour. What they state and what still holds
 * (tokens, agents, schedules) is recorded again first, so that the rest of the log is complete.
 */
import { HourlyTask } from "../../log/hourlyTask.ts";
import type { Log } from "../../log/log.ts";
import { toHex } from "../../store/log/format.ts";
import type { Clock } from "../../time/clock.ts";
import type { ControlFact } from "./entries.ts";
import type { ControlJournal } from "./journal.ts";

export interface LogRetentionOptions {
  journal: ControlJournal;
  /** How long entries are kept, in milliseconds. */
  keepMs: number;
  /** The reason in the entry that records the removal, such as `serve --audit-retention 400d`. */
  reason: string;
  clock: Clock;
  log: Log;
}

/** An entry outlives its time by at most this part of it. */
const segmentsPerRetention = 16;
/** A job in the lists is in the log, too: the clocks of both may differ by this much. */
const jobMarginMs = 24 * 60 * 60 * 1000;
const factsPerBatch = 500;

export function logRetention(options: LogRetentionOptions): HourlyTask {
  const { journal, keepMs, clock, log } = options;
  const run = () => {
    const { recorder } = journal;
    recorder.log.settle();
    const written = recorder.log.segments.at(-1);
    const ageMs = clock.wall() - (written?.createdAt ?? clock.wall());
    if (ageMs > keepMs / segmentsPerRetention) recorder.log.roll();
    const oldestJob = journal.oldestJobAt ?? Number.POSITIVE_INFINITY;
    const before = Math.min(clock.wall() - keepMs, oldestJob - jobMarginMs);
    const through = removeBefore(options, before);
    if (through !== undefined) log.info("log entries removed", { through });
  };
  return new HourlyTask({ clock, log, what: "remove old log entries", run });
}

/** A segment ends when the next one is begun. */
function removeBefore({ journal, reason }: LogRetentionOptions, time: number): number | undefined {
  const { recorder } = journal;
  const { segments } = recorder.log;
  const kept = segments.findIndex((_, index) => (segments[index + 1]?.createdAt ?? time) >= time);
  const next = segments[kept];
  const first = segments[0]?.first ?? 1;
  if (kept < 1 || next === undefined) return undefined;
  const facts = [...journal.currentFacts()];
  for (let at = 0; at < facts.length; at += factsPerBatch) {
    recorder.record(...facts.slice(at, at + factsPerBatch));
  }
  const through = next.first - 1;
  const removal: ControlFact = {
    type: "entries_removed",
    through,
    digest: toHex(next.previous),
    entries: next.first - first,
    reason,
  };
  recorder.record(removal);
  recorder.log.removeBefore(next.first);
  return through;
}
