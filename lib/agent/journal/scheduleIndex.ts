/**
 * The latest run of each signed schedule, and the segment of the log that has it. Before such a
 * segment is removed, the runs are written once more.
 */
import type { ScheduledRun } from "../core/model.ts";

export class ScheduleIndex {
  readonly #latest = new Map<string, { run: ScheduledRun; segment: number }>();

  put(run: ScheduledRun, segment: number): void {
    const known = this.#latest.get(run.scheduleId);
    if (known !== undefined && known.run.runs > run.runs) return;
    this.#latest.set(run.scheduleId, { run, segment });
  }

  all(): ScheduledRun[] {
    return [...this.#latest.values()].map(({ run }) => run);
  }

  /** Forgets the schedules whose count no longer matters. */
  forget(before: number): void {
    for (const [id, { run }] of this.#latest) {
      if (run.keepUntil < before) this.#latest.delete(id);
    }
  }

  /** Returns the runs that only segments before this one have. */
  writtenBefore(segment: number): ScheduledRun[] {
    return [...this.#latest.values()]
      .filter((each) => each.segment < segment)
      .map(({ run }) => run);
  }
}
