/** Whether a request may be run, now or at all, and otherwise what it is answered. */
import type { ErrorCode } from "../../protocol/errors.ts";
import { unacknowledgedMax } from "../../protocol/limits.ts";
import type { Command } from "../../protocol/wire/message.ts";
import type { ResponseBody } from "./model.ts";
import type { RequestEntry } from "./requestEntry.ts";
import { failure } from "./response.ts";

/** The verdict on a command before anything is done about it. */
export type CheckResult =
  | {
      endsProcess: boolean;
      /** It runs outside of the agent's process, and is taken up again by the next one. */
      outlives?: boolean;
      /** The longest it may run, whatever the request allows. */
      timeoutMs?: number;
      /** How many of this command may run at a time. */
      concurrency?: number;
      /** False where it goes on although its job is cancelled. */
      isCancellable?: boolean;
      code?: never;
    }
  | { code: ErrorCode; message: string };

/** By whom a command is signed, or why it is not trusted. */
export type SignatureCheck = { signedBy: string[] } | { refusal: string };

/** What a host allows, whatever is asked of it. */
export interface HostLimits {
  /** Commands that run at a time, and those that wait for their turn before it is `BUSY`. */
  running: number;
  waiting: number;
  /** The longest that any command may run, in milliseconds. */
  timeoutMs: number;
}

export interface AdmissionOptions {
  /** Judges a command and its parameters before anything is done about it. */
  check(command: string, parameters: unknown): CheckResult;
  limits: HostLimits;
  /** Whether a command is signed by whom this host trusts; every command is, where it is left out. */
  judge?(command: Command, now: number): SignatureCheck;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #entries: ReadonlyMap<string, RequestEntry>;

  /** Looks at the executor's requests. */
  constructor(options: AdmissionOptions, entries: ReadonlyMap<string, RequestEntry>) {
    this.#options = options;
    this.#entries = entries;
  }

  /** Notes who has signed it; what stands against it where that is not enough. */
  untrusted({ record }: RequestEntry, command: Command, now: number): ResponseBody | undefined {
    const judgement = this.#options.judge?.(command, now) ?? { signedBy: [] };
    if ("refusal" in judgement) return failure("FORBIDDEN", judgement.refusal);
    if (judgement.signedBy.length > 0) record.signedBy = judgement.signedBy;
  }

  /** Undefined where nothing stands against it; notes how the command wants to be run. */
  check(entry: RequestEntry, now: number): ResponseBody | undefined {
    const { command, parameters, expiresAt } = entry.record;
    if (expiresAt !== undefined && expiresAt <= now) {
      return failure("EXPIRED", "the request's time to live has passed; it was not started");
    }
    const checked = this.#options.check(command, parameters);
    if (checked.code !== undefined) return failure(checked.code, checked.message);
    entry.endsProcess = checked.endsProcess;
    if (checked.outlives) entry.record.outlives = true;
    if (checked.isCancellable === false) entry.record.isCancellable = false;
    if (checked.concurrency !== undefined) entry.concurrency = checked.concurrency;
    const { timeoutMs, waiting: waitingMax } = this.#options.limits;
    const asked = entry.record.timeoutMs;
    entry.record.timeoutMs = Math.min(asked, timeoutMs, checked.timeoutMs ?? Infinity);
    if (this.#entries.size > unacknowledgedMax) {
      return failure(
        "BUSY",
        `${unacknowledgedMax} answers wait for the control plane to take them`,
      );
    }
    const waiting = this.#count(({ record }) => record.state === "accepted");
    if (waiting <= waitingMax) return undefined;
    return failure("BUSY", `${waitingMax} commands wait for their turn already`);
  }

  /** Whether the host's limit and the command's own leave room for one more. */
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
