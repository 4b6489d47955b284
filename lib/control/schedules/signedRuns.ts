/**
 * Schedules that operators have signed: what the signatures must cover, and how many runs are left.
 * The agents check all of it again, and trust nothing that is decided here.
 */
import type { LogFields } from "../../log/log.ts";
import { type ScheduleSpec, scheduleTerms } from "../../protocol/api/schedules.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { countDueTimes } from "../../timing/dueTimes.ts";
import type { SignedRun } from "../core/model.ts";
import type { StoredSchedule } from "../journal/tables/scheduleTable.ts";

/** A schedule with this many runs left is about to end, or one with this share of its time. */
const lastRuns = 3;
const lastShare = 0.1;
const lastMsMax = 7 * 24 * 60 * 60 * 1000;

/**
 * Checks that the signatures of a schedule cover its target, and still allow a run.
 *
 * @throws {WsctlError} CONFLICT
 */
export function checkSigned({ job, signed }: ScheduleSpec, now: number): void {
  if (job.signed !== undefined) {
    const text = "a schedule cannot repeat a signed job, because each signature covers one request";
    const advice = "Sign the schedule with wsctl schedules create --sign KEY";
    throw new WsctlError("CONFLICT", `Cannot schedule: ${text}. ${advice}`);
  }
  if (signed === undefined) return;
  const { agents = [], ...others } = job.target as { agents?: string[] };
  const covered = new Set(signed.agents.map(({ agent }) => agent));
  const isCovered = agents.length === covered.size && agents.every((agent) => covered.has(agent));
  if (!isCovered || Object.keys(others).length > 0) {
    const text = "the signatures do not cover exactly the agents of its target";
    throw new WsctlError("CONFLICT", `Cannot schedule: ${text}. Sign a new schedule`);
  }
  if (Date.parse(signed.not_after) > now) return;
  const text = `the signatures expired at ${signed.not_after}. Sign a new schedule`;
  throw new WsctlError("CONFLICT", `Cannot schedule: ${text}`);
}

/** Returns the run of a signed schedule that is due at a time; undefined if it is not signed. */
export function buildSignedRun(spec: ScheduleSpec, dueAt: number): SignedRun | undefined {
  const { signed } = spec;
  if (signed === undefined) return undefined;
  return { schedule: scheduleTerms(spec, signed), dueAt: timestamp(dueAt) };
}

/** Returns why a signed schedule has no further run; undefined for one that is not signed. */
export function endedReason({ spec, runs = 0 }: StoredSchedule): string | undefined {
  const { signed } = spec;
  if (signed === undefined) return undefined;
  const { max_runs, not_after } = signed;
  const why =
    runs >= max_runs
      ? `its signatures allowed ${max_runs === 1 ? "1 run" : `${max_runs} runs`}, which started`
      : `no run is due before its signatures expire at ${not_after}`;
  return `${why}. Delete it and create it again, signed`;
}

/**
 * Returns what an event says of a schedule of which only a few runs are left, or a small part of
 * the time; undefined for any other schedule.
 */
export function describeEnd(schedule: StoredSchedule, now: number): LogFields | undefined {
  const { spec, runs = 0, nextAt } = schedule;
  const { signed, name, timing, job } = spec;
  if (signed === undefined || nextAt === undefined) return undefined;
  const [begin, end] = [Date.parse(signed.not_before), Date.parse(signed.not_after)];
  const runsLeft = signed.max_runs - runs;
  const isLate = end - now <= Math.min(lastMsMax, lastShare * (end - begin));
  const left = { after: nextAt - 1, through: end, max: lastRuns + 1 };
  const dueLeft = countDueTimes(timing, begin, left);
  if (!isLate && Math.min(runsLeft, dueLeft) > lastRuns) return undefined;
  return {
    ...{ schedule: name, command: job.command },
    ...{ runs_left: runsLeft, not_after: signed.not_after },
  };
}
