/**
 * Counts the runs of signed schedules. Runs must be accepted in the order of their due times, so
 * that one due time and one number per schedule suffice to refuse every run that has been before.
 */
import type { ErrorCode } from "../../../protocol/errors.ts";
import { timestamp } from "../../../protocol/timestamp.ts";
import type { ScheduledRun } from "../model.ts";

/** A run whose signatures, due time and bounds have been checked. */
export interface SignedRun {
  scheduleId: string;
  /** Milliseconds since 1970. */
  dueAt: number;
  maxRuns: number;
  /** It must not start while an earlier run of the schedule is open. */
  isExclusive: boolean;
  /** Until when its count must be kept, in milliseconds since 1970. */
  keepUntil: number;
}

/** Schedules that have ended are forgotten above this number, and others are refused. */
const schedulesMax = 1_000;

export class ScheduleRuns {
  readonly #latest = new Map<string, ScheduledRun>();

  /**
   * Returns the run with its number, or the code and the text of the refusal.
   *
   * @param open the number of runs of the schedule that have not ended
   */
  next(
    run: SignedRun,
    open: number,
    now: number,
  ): ScheduledRun | { code: ErrorCode; message: string } {
    const { scheduleId, dueAt, maxRuns, isExclusive, keepUntil } = run;
    const latest = this.#latest.get(scheduleId);
    const runs = latest?.runs ?? 0;
    if (latest !== undefined && dueAt <= latest.dueAt) {
      const text = `the signed schedule has already run for ${timestamp(latest.dueAt)}`;
      return { code: "FORBIDDEN", message: `${text}: each run must be due later than the last` };
    }
    if (runs >= maxRuns) {
      const text = `the signed schedule has had its ${maxRuns} runs on this agent`;
      return { code: "FORBIDDEN", message: `${text}. Create it again, signed` };
    }
    if (isExclusive && open > 0) {
      return { code: "BUSY", message: "an earlier run of the signed schedule has not ended" };
    }
    if (latest === undefined && !this.#hasRoom(now)) {
      return { code: "BUSY", message: `this agent counts ${schedulesMax} signed schedules` };
    }
    return { scheduleId, dueAt, runs: runs + 1, keepUntil };
  }

  add(run: ScheduledRun): void {
    this.#latest.set(run.scheduleId, run);
  }

  #hasRoom(now: number): boolean {
    if (this.#latest.size < schedulesMax) return true;
    for (const [id, { keepUntil }] of this.#latest) {
      if (keepUntil < now) this.#latest.delete(id);
    }
    return this.#latest.size < schedulesMax;
  }
}
