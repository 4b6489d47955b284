/**
 * Creates jobs when schedules are due. The Idempotency-Key of a run consists of the schedule and
 * the due time, so that a restart does not create a job twice.
 *
 * Schedules follow the wall clock. It is read repeatedly, so that a changed clock takes effect;
 * runs that it skips are missed.
 */
import { FaultSeries } from "../../log/faultSeries.ts";
import type { Log } from "../../log/log.ts";
import type { ScheduleSpec } from "../../protocol/api/schedules.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { scheduleBytesMax, schedulesBytesMax } from "../../protocol/limits.ts";
import { type Clock, wallPollMs } from "../../time/clock.ts";
import { isInForce } from "../auth/bearerTokens.ts";
import { AgentScope } from "../core/agents/agentScope.ts";
import type { Engine } from "../engine/engine.ts";
import { assertSize, type JobSubmitter } from "../jobs/submitJob.ts";
import {
  pausedSchedule,
  type ScheduleTable,
  type StoredSchedule,
} from "../journal/tables/scheduleTable.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { checkTiming } from "./nextRun.ts";
import { dueAt, latestDue, lookBackMs, nextDue, replanned } from "./plannedRun.ts";
import { buildSignedRun, checkSigned, describeEnd, endedReason } from "./signedRuns.ts";

export interface SchedulerOptions {
  engine: Engine;
  jobs: JobSubmitter;
  clock: Clock;
  log: Log;
  newId(): string;
}

const schedulesMax = 1_000;
/** The delay before a failed write is retried. */
const retryMs = 1_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #records: ScheduleTable;
  readonly #faults: FaultSeries;
  #cancelTimer = () => {};
  /** The latest time that the wall clock has shown. */
  #latestWall = Number.POSITIVE_INFINITY;
  #isLooking = false;
  #isClosed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#records = options.engine.journal.schedules;
    this.#faults = new FaultSeries(options.log, options.clock, "schedules run again");
    this.#arm();
  }

  /**
   * Creates a schedule.
   *
   * @throws {WsctlError} MALFORMED, FORBIDDEN, INVALID_COMMAND, CONFLICT, TOO_LARGE or BUSY
   */
  create(spec: ScheduleSpec, token: StoredToken): StoredSchedule {
    const now = this.#options.clock.wall();
    checkTiming(spec.timing, now);
    const scope = new AgentScope(token);
    scope.requireCommand(spec.job.command);
    assertSize(spec.job);
    checkSigned(spec, now);
    this.#options.jobs.assertSchedulable(spec, scope);
    const bytes = Buffer.byteLength(JSON.stringify(spec));
    if (bytes > scheduleBytesMax) {
      const advice = "Use a selector, or list fewer agents if it is signed";
      const text = `it is over ${scheduleBytesMax} bytes as JSON. ${advice}`;
      throw new WsctlError("TOO_LARGE", `Cannot schedule: ${text}`);
    }
    const scheduleId = spec.signed?.schedule_id ?? this.#options.newId();
    const all = this.#records.all();
    const same = all.find((each) => each.spec.name === spec.name || each.scheduleId === scheduleId);
    if (same !== undefined) {
      const text = `Schedule "${same.spec.name}" already exists. Delete it first`;
      throw new WsctlError("CONFLICT", text);
    }
    if (all.length >= schedulesMax || this.#records.bytes + bytes > schedulesBytesMax) {
      throw new WsctlError("BUSY", "Cannot schedule: too many schedules. Delete some");
    }
    const { tokenId: createdBy } = token;
    const planned = this.#dueNext({ scheduleId, spec, createdAt: now, createdBy }, now);
    const ended = planned.nextAt === undefined ? endedReason(planned) : undefined;
    if (ended === undefined) return this.#store(planned);
    throw new WsctlError("CONFLICT", `Cannot schedule: ${ended}`);
  }

  pause(schedule: StoredSchedule): StoredSchedule {
    return this.#store(pausedSchedule(schedule, this.#options.clock.wall()));
  }

  /** @throws {WsctlError} CONFLICT if the signatures allow no further run */
  resume(schedule: StoredSchedule): StoredSchedule {
    const { pausedAt: _at, pauseReason: _for, ...rest } = schedule;
    const resumed = this.#dueNext(rest, this.#options.clock.wall());
    const { name, timing } = schedule.spec;
    const ended = resumed.nextAt === undefined ? endedReason(schedule) : undefined;
    if (ended !== undefined) {
      throw new WsctlError("CONFLICT", `Cannot resume schedule "${name}": ${ended}`);
    }
    if (resumed.nextAt !== undefined || !("at" in timing)) return this.#store(resumed);
    // Its only run has passed in the meantime.
    return this.#store({
      ...resumed,
      last: { dueAt: Date.parse(timing.at), skipReason: "paused" },
    });
  }

  remove(schedule: StoredSchedule): void {
    this.#records.remove(schedule);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#faults.close();
  }

  #dueNext(schedule: StoredSchedule, after: number): StoredSchedule {
    const { nextAt: _before, ...rest } = schedule;
    const nextAt = nextDue(schedule, after);
    return { ...rest, ...(nextAt === undefined ? {} : { nextAt }) };
  }

  #store(schedule: StoredSchedule): StoredSchedule {
    this.#records.put(schedule);
    this.#arm();
    return schedule;
  }

  #arm(waitMs = this.#waitMs()): void {
    this.#cancelTimer();
    if (this.#isClosed || this.#isLooking) return;
    this.#cancelTimer = this.#options.clock.after(waitMs, () => void this.#poll());
  }

  #waitMs(): number {
    const now = this.#options.clock.wall();
    const due = this.#records.all().flatMap((each) => dueAt(each) ?? []);
    return Math.max(0, Math.min(wallPollMs, Math.min(...due) - now));
  }

  async #poll(): Promise<void> {
    let waitMs: number | undefined;
    this.#isLooking = true;
    try {
      this.#followClock();
      for (const { spec } of this.#records.all()) {
        // Read again: it may have been paused or deleted while the previous job was created.
        const schedule = this.#records.get(spec.name);
        const due = schedule && dueAt(schedule);
        if (schedule === undefined || due === undefined) continue;
        if (due <= this.#options.clock.wall()) await this.#due(schedule, due);
      }
      this.#faults.succeeded();
    } catch (error) {
      // Usually a write error; the runs stay due.
      this.#faults.failed(`Cannot run schedules: ${errorText(error)}. Retrying`);
      waitMs = retryMs;
    }
    this.#isLooking = false;
    this.#arm(waitMs);
  }

  /**
   * Computes the next runs again after the wall clock was set back: runs become due a second time.
   */
  #followClock(): void {
    const now = this.#options.clock.wall();
    const isSetBack = now < this.#latestWall - lookBackMs;
    this.#latestWall = now;
    if (!isSetBack) return;
    let count = 0;
    for (const schedule of this.#records.all()) {
      const planned = replanned(schedule, now);
      if (planned === undefined) continue;
      this.#records.put(planned);
      count++;
    }
    if (count > 0) this.#options.log.warn("clock set back, schedules recomputed", { count });
  }

  async #due(schedule: StoredSchedule, due: number): Promise<void> {
    const { spec, nextAt: first = due, latestJobId } = schedule;
    const now = this.#options.clock.wall();
    const came = latestDue(schedule, first, now);
    const next = this.#dueNext(schedule, came ?? now);
    const done = (what: { jobId?: string; skipReason?: string }) => {
      this.#done(schedule, next, { dueAt: came ?? first, ...what });
    };
    if (came === undefined && spec.starting_deadline_seconds !== null)
      return done({ skipReason: "missed" });
    const token = this.#options.engine.journal.tokens.get(schedule.createdBy);
    if (token === undefined || !isInForce(token, this.#options.clock.wall())) {
      return this.#stop(schedule, first, "the token that created the schedule is no longer valid");
    }
    if (spec.concurrency_policy !== "allow" && this.#isOpen(latestJobId)) {
      if (spec.concurrency_policy === "forbid") return done({ skipReason: "already_running" });
      this.#options.engine.decide({ type: "cancelRequested", jobId: latestJobId ?? "" });
    }
    try {
      done({ jobId: await this.#startRun(schedule, came ?? first, token) });
    } catch (error) {
      if (!(error instanceof WsctlError) || isPassing(error)) throw error;
      this.#options.log.warn("schedule run failed", {
        schedule: spec.name,
        reason: error.message,
      });
      done({ skipReason: `${error.code} ${error.message}` });
    }
  }

  /** Records the result of a run, unless the schedule was deleted while its job was created. */
  #done(
    { scheduleId, spec }: StoredSchedule,
    next: StoredSchedule,
    last: NonNullable<StoredSchedule["last"]>,
  ): void {
    const latest = this.#records.get(spec.name);
    if (latest?.scheduleId !== scheduleId) return;
    const runs = (latest.runs ?? 0) + (spec.signed && last.jobId !== undefined ? 1 : 0);
    const { nextAt, ...rest } = next;
    const { pausedAt } = latest;
    const isOver = nextAt === undefined || (spec.signed && runs >= spec.signed.max_runs);
    const goesOn = pausedAt === undefined && !isOver;
    const latestJobId = last.jobId ?? latest.latestJobId;
    const done: StoredSchedule = {
      ...rest,
      ...(goesOn ? { nextAt } : {}),
      ...(runs === 0 ? {} : { runs }),
      ...(pausedAt === undefined ? {} : { pausedAt }),
      ...(latestJobId === undefined ? {} : { latestJobId }),
      last,
    };
    this.#records.put(pausedAt === undefined && isOver ? this.#ended(done) : done);
    this.#warnOfEnd(spec.name);
  }

  /** A signed schedule without a further run pauses, and says why. */
  #ended(schedule: StoredSchedule): StoredSchedule {
    const pauseReason = endedReason(schedule);
    if (pauseReason === undefined) return schedule;
    const { clock, log } = this.#options;
    log.warn("schedule paused", { schedule: schedule.spec.name, reason: pauseReason });
    return pausedSchedule(schedule, clock.wall(), pauseReason);
  }

  /** An event says once that a signed schedule ends soon. */
  #warnOfEnd(name: string): void {
    const { engine, clock, log } = this.#options;
    const schedule = this.#records.get(name);
    if (schedule === undefined || schedule.isEnding) return;
    const data = describeEnd(schedule, clock.wall());
    if (data === undefined) return;
    this.#records.put({ ...schedule, isEnding: true });
    engine.journal.recorder.record({ type: "event_recorded", event: "schedule.ending", data });
    log.warn("schedule ends soon", data);
  }

  async #startRun(schedule: StoredSchedule, came: number, token: StoredToken) {
    const { scheduleId, spec, setBack } = schedule;
    const { tokenId, name, role } = token;
    const from = spec.template === undefined ? {} : { template: spec.template };
    const origin = { schedule: spec.name, ...from };
    const run = buildSignedRun(spec, came);
    const requester = {
      ...{ tokenId, name, role, scope: new AgentScope(token), ...origin },
      signedRun: run && { ...run, agents: spec.signed?.agents ?? [] },
    };
    // Contains a space, which keys of operators cannot. The suffix distinguishes runs that are due
    // a second time after the clock was set back.
    const again = setBack === undefined ? "" : ` ${setBack.count}`;
    const key = `schedule ${scheduleId} ${came}${again}`;
    const { job } = await this.#options.jobs.submit(spec.job, requester, key);
    this.#options.log.info("schedule run started", { schedule: spec.name, job_id: job.jobId });
    return job.jobId;
  }

  #stop(schedule: StoredSchedule, came: number, why: string): void {
    const last = { dueAt: came, skipReason: `FORBIDDEN ${why}` };
    this.#records.put({ ...pausedSchedule(schedule, this.#options.clock.wall(), why), last });
    this.#options.log.warn("schedule paused", { schedule: schedule.spec.name, reason: why });
  }

  #isOpen(jobId: string | undefined): boolean {
    const job = jobId === undefined ? undefined : this.#options.engine.journal.job(jobId);
    return job !== undefined && job.ended < job.total;
  }
}

/** Whether the error is temporary, so that the request may be repeated. */
function isPassing({ code }: WsctlError): boolean {
  return code === "STORAGE_UNAVAILABLE" || code === "UNAVAILABLE";
}
