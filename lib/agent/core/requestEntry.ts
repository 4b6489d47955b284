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

/** `expiresAt` is on this agent's clock; a standard control plane sets none. */
export function newEntry(
  command: Command,
  expiresAt: number | undefined,
  now: number,
): RequestEntry {
  const { parameters, not_after, traceparent, schedule } = command.payload;
  const timeout_seconds = schedule?.timeout_seconds ?? command.payload.timeout_seconds;
  // The record must be kept as long as the signatures are valid, to detect a replay.
  const signedUntil = not_after === undefined ? 0 : Date.parse(not_after) + dedupAfterTtlMs;
  const keepUntil = expiresAt === undefined ? now + dedupWindowMs : expiresAt + dedupAfterTtlMs;
  const startBy = earliest(expiresAt, not_after, command);
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

/** A command must not start after its signatures expire, whatever its time to live. */
function earliest(
  expiresAt: number | undefined,
  notAfter: string | undefined,
  { payload: { schedule, due_at } }: Command,
): number | undefined {
  const ends = [
    ...(expiresAt === undefined ? [] : [expiresAt]),
    ...(notAfter === undefined ? [] : [Date.parse(notAfter)]),
    ...(schedule === undefined || due_at === undefined
      ? []
      : [latestStart(schedule, Date.parse(due_at))]),
  ];
  return ends.length === 0 ? undefined : Math.min(...ends);
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
  return startedAt === undefined || !hasBegun
    ? answer
    : { ...answer, executionMs: Math.max(0, Math.round(now - startedAt)) };
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
