/** Decides whether a request may run, now or at all, and otherwise which response it gets. */
import type { ErrorCode } from "../../protocol/errors.ts";
import { unacknowledgedMax } from "../../protocol/limits.ts";
import type { Command } from "../../protocol/wire/message.ts";
import type { ResponseBody, ScheduledRun } from "./model.ts";
import type { RequestEntry } from "./requestEntry.ts";
import { failure } from "./response.ts";
import { ScheduleRuns, type SignedRun } from "./schedules/scheduleRuns.ts";
import type { AgentTransition } from "./transition.ts";

/** The result of checking a command before it runs. */
export type CheckResult =
  | {
      endsProcess: boolean;
      /** The command runs outside the agent's process, and the next agent process resumes it. */
      outlives?: boolean;
      /** The command runs in the agent's process and writes live output. */
      writesOutput?: boolean;
      /** The longest time that the command may run, whatever the request allows. */
      timeoutMs?: number;
      /** The number of requests of this command that may run at the same time. */
      concurrency?: number;
      /** False if the command continues when its job is cancelled. */
      isCancellable?: boolean;
      code?: never;
    }
  | { code: ErrorCode; message: string };

/**
 * The ids of the keys that signed a command, and the run of a signed schedule that it is; or the
 * reason why it is not trusted.
 */
export type SignatureCheck = { signedBy: string[]; run?: SignedRun } | { refusal: string };

/** The limits of this host. A request cannot exceed them. */
export interface HostLimits {
  /** The number of commands that may run at the same time, and that may wait before `BUSY`. */
  running: number;
  waiting: number;
  /** The longest time that any command may run, in milliseconds. */
  timeoutMs: number;
}

export interface AdmissionOptions {
  /** Checks a command and its parameters before it runs. */
  check(command: string, parameters: unknown): CheckResult;
  limits: HostLimits;
  /** Checks the signatures of a command. If it is absent, every command is trusted. */
  judge?(command: Command, now: number): SignatureCheck;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #entries: ReadonlyMap<string, RequestEntry>;
  readonly #runs = new ScheduleRuns();

  /** @param entries The executor's requests; this class only reads them. */
  constructor(options: AdmissionOptions, entries: ReadonlyMap<string, RequestEntry>) {
    this.#options = options;
    this.#entries = entries;
  }

  /** Continues from the latest run of each signed schedule in the journal. */
  recover(runs: readonly ScheduledRun[]): void {
    for (const run of runs) this.#runs.add(run);
  }

  /**
   * Returns the error response to a new command, or undefined if it may run. Counts the run of a
   * signed schedule.
   */
  admit(entry: RequestEntry, command: Command, t: AgentTransition): ResponseBody | undefined {
    const { record } = entry;
    const refusal = this.#untrusted(entry, command, t) ?? this.check(entry, t.now);
    entry.isRefused = refusal !== undefined;
    if (refusal !== undefined) delete record.run;
    else if (record.run !== undefined) this.#runs.add(record.run);
    return refusal;
  }

  /**
   * Records who signed the command, or returns the error response if the signatures do not suffice.
   */
  #untrusted(
    { record }: RequestEntry,
    command: Command,
    t: AgentTransition,
  ): ResponseBody | undefined {
    const judgement = this.#options.judge?.(command, t.now) ?? { signedBy: [] };
    if ("refusal" in judgement) return failure("FORBIDDEN", judgement.refusal);
    if (judgement.signedBy.length > 0) record.signedBy = judgement.signedBy;
    const { run } = judgement;
    if (run === undefined) return undefined;
    const next = this.#runs.next(run, this.#countOpen(run.scheduleId), earlierClock(t));
    if ("code" in next) return failure(next.code, next.message);
    record.run = next;
  }

  #countOpen(scheduleId: string): number {
    return this.#count(({ record: { run, state } }) => {
      return run?.scheduleId === scheduleId && state !== "ended" && state !== "acknowledged";
    });
  }

  /** Returns the error response, or undefined if the request may run. Records how it must run. */
  check(entry: RequestEntry, now: number): ResponseBody | undefined {
    const { command, parameters, expiresAt } = entry.record;
    if (expiresAt !== undefined && expiresAt <= now) {
      return failure("EXPIRED", "the request's time to live has passed; it was not started");
    }
    const checked = this.#options.check(command, parameters);
    if (checked.code !== undefined) return failure(checked.code, checked.message);
    entry.endsProcess = checked.endsProcess;
    if (checked.outlives) entry.record.outlives = true;
    if (checked.writesOutput) entry.record.writesOutput = true;
    if (checked.isCancellable === false) entry.record.isCancellable = false;
    if (checked.concurrency !== undefined) entry.concurrency = checked.concurrency;
    const { timeoutMs, waiting: waitingMax } = this.#options.limits;
    const asked = entry.record.timeoutMs;
    entry.record.timeoutMs = Math.min(asked, timeoutMs, checked.timeoutMs ?? Infinity);
    if (this.#entries.size > unacknowledgedMax) {
      return failure(
        "BUSY",
        `${unacknowledgedMax} responses wait for an acknowledgement of the control plane`,
      );
    }
    const waiting = this.#count(({ record }) => record.state === "accepted");
    if (waiting <= waitingMax) return undefined;
    return failure("BUSY", `the queue of this agent is full: ${waitingMax} commands wait`);
  }

  /** Whether the host's limit and the command's own limit leave room for one more run. */
  canStart({ concurrency, record: { command } }: RequestEntry): boolean {
    const started = this.#count(({ record }) => record.state === "started");
    if (started >= this.#options.limits.running) return false;
    if (concurrency === undefined) return true;
    const isSame = ({ record }: RequestEntry) =>
      record.command === command && record.state === "started";
    return this.#count(isSame) < concurrency;
  }

  #count(isCounted: (entry: RequestEntry) => boolean): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (isCounted(entry)) count++;
    return count;
  }
}

/** What counts runs is forgotten only when its time has passed by both clocks. */
function earlierClock({ now, wallAheadMs }: AgentTransition): number {
  return now + Math.min(0, wallAheadMs);
}
