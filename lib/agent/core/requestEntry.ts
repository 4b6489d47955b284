/** A request of the executor: its record, and the state that only this process needs. */
import { dedupAfterTtlMs, dedupWindowMs, timeoutSecondsDefault } from "../../protocol/limits.ts";
import type { Command } from "../../protocol/wire/message.ts";
import { latestStart } from "../../protocol/wire/signedSchedule.ts";
import type {
  AgentWrite,
  OutputSubscription,
  RequestRecord,
  ResponseBody,
  StopReason,
} from "./model.ts";
import type { AgentTransition } from "./transition.ts";

export interface RequestEntry {
  record: RequestRecord;
  /** Why the command was requested to stop. */
  stopping: StopReason | undefined;
  /** The command ends this process; the next process responds. */
  endsProcess: boolean;
  /** The number of requests of this command that may run at the same time. */
  concurrency?: number;
  /** The request was refused when it arrived, so its response may go out before it is stored. */
  isRefused: boolean;
  /** The response could not be stored; it stays in memory until it can. */
  isUnsaved: boolean;
  /** The control plane has the response, although the journal does not. */
  isAcknowledged: boolean;
}

/**
 * Signatures are limited by the system's clock; all times of the entry are on the engine's, which
 * does not jump.
 *
 * @param expiresAt on the engine's clock; a standard control plane sets none
 */
export function newEntry(
  command: Command,
  expiresAt: number | undefined,
  { now, wallAheadMs }: Pick<AgentTransition, "now" | "wallAheadMs">,
): RequestEntry {
  const { parameters, not_after, traceparent, schedule } = command.payload;
  const timeout_seconds = schedule?.timeout_seconds ?? command.payload.timeout_seconds;
  // The record must be kept as long as the signatures are valid, to detect a replay.
  const notAfter = not_after === undefined ? undefined : Date.parse(not_after) - wallAheadMs;
  const signedUntil = notAfter === undefined ? 0 : notAfter + dedupAfterTtlMs;
  const keepUntil = expiresAt === undefined ? now + dedupWindowMs : expiresAt + dedupAfterTtlMs;
  // A command must not start after its signatures expire, whatever its time to live.
  const startBy = earliest([expiresAt, notAfter, latestRun(command, wallAheadMs)]);
  const record: RequestRecord = {
    requestId: command.request_id,
    command: command.payload.command,
    parameters: parameters ?? {},
    state: "accepted",
    timeoutMs: (timeout_seconds ?? timeoutSecondsDefault) * 1000,
    ...(startBy === undefined ? {} : { expiresAt: startBy }),
    ...(traceparent === undefined ? {} : { traceparent }),
    keepUntil: Math.max(keepUntil, signedUntil),
    since: now,
  };
  return buildEntry(record);
}

/** When the run of a signed schedule must have started, on the engine's clock. */
function latestRun(
  { payload: { schedule, due_at } }: Command,
  wallAheadMs: number,
): number | undefined {
  if (schedule === undefined || due_at === undefined) return undefined;
  return latestStart(schedule, Date.parse(due_at)) - wallAheadMs;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

export function buildEntry(record: RequestRecord): RequestEntry {
  const flags = { endsProcess: false, isRefused: false, isUnsaved: false, isAcknowledged: false };
  return { record, stopping: undefined, ...flags };
}

/** Returns the write that stores the current record. */
export function put(entry: RequestEntry): AgentWrite {
  return { type: "putRequest", record: { ...entry.record } };
}

export function enter(entry: RequestEntry, state: RequestRecord["state"], now: number): void {
  entry.record.state = state;
  entry.record.since = now;
  if (state === "started") entry.record.startedAt = now;
}

/** Returns the response with the time that its command ran. */
export function timed(
  { startedAt }: RequestRecord,
  answer: ResponseBody,
  now: number,
): ResponseBody {
  const hasBegun = answer.type === "response" || answer.code !== "NOT_STARTED";
  if (startedAt === undefined || !hasBegun) return answer;
  const sinceStart = Math.max(0, Math.round(now - startedAt));
  return { ...answer, executionMs: Math.min(sinceStart, answer.executionMs ?? sinceStart) };
}

/** Returns how long ago the command of an ended request ended, in milliseconds. */
export function responseAge({ startedAt, since, answer }: RequestRecord, now: number): number {
  const { executionMs } = answer ?? {};
  const endedAt =
    startedAt === undefined || executionMs === undefined ? since : startedAt + executionMs;
  return Math.max(0, now - endedAt);
}

/** Returns the state of a request's program; `none` for a command that runs in this process. */
export function programOf(
  record: RequestRecord | undefined,
): OutputSubscription["program"] | "none" {
  if (record?.state === "accepted" || record?.state === "started") {
    return record.outlives || record.writesOutput ? "open" : "none";
  }
  const mayHaveOutput = record?.outlives || record?.writesOutput;
  return mayHaveOutput && record?.answer?.executionMs !== undefined ? "ended" : "unknown";
}
