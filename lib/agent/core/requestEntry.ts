/** A request in the hands of the executor: its record, and what only this process needs to know. */
import { dedupAfterTtlMs, dedupWindowMs, timeoutSecondsDefault } from "../../protocol/limits.ts";
import type { Command } from "../../protocol/wire/message.ts";
import type { AgentWrite, RequestRecord, ResponseBody, StopReason } from "./model.ts";

export interface RequestEntry {
  record: RequestRecord;
  /** Why the command was told to stop. */
  stopping: StopReason | undefined;
  /** The command ends this process; whoever comes back answers it. */
  endsProcess: boolean;
  /** How many of its command may run at a time. */
  concurrency?: number;
  /** Its answer could not be written: it is held here until it can. */
  isUnsaved: boolean;
  /** The control plane has the answer although it is not written yet. */
  isAcknowledged: boolean;
}

/** `expiresAt` is on this agent's clock; a control plane of the standard alone sets none. */
export function newEntry(
  command: Command,
  expiresAt: number | undefined,
  now: number,
): RequestEntry {
  const { timeout_seconds, parameters, not_after } = command.payload;
  // As long as its signatures are good it must be known that it has been here.
  const signedUntil = not_after === undefined ? 0 : Date.parse(not_after) + dedupAfterTtlMs;
  const keepUntil = expiresAt === undefined ? now + dedupWindowMs : expiresAt + dedupAfterTtlMs;
  const startBy = earliest(expiresAt, not_after);
  const record: RequestRecord = {
    requestId: command.request_id,
    command: command.payload.command,
    parameters: parameters ?? {},
    state: "accepted",
    timeoutMs: (timeout_seconds ?? timeoutSecondsDefault) * 1000,
    ...(startBy === undefined ? {} : { expiresAt: startBy }),
    keepUntil: Math.max(keepUntil, signedUntil),
    since: now,
  };
  return buildEntry(record);
}

/** Signatures that are void by then are no reason to begin, whoever else allows it. */
function earliest(expiresAt: number | undefined, notAfter: string | undefined) {
  if (notAfter === undefined) return expiresAt;
  return Math.min(expiresAt ?? Number.POSITIVE_INFINITY, Date.parse(notAfter));
}

export function buildEntry(record: RequestRecord): RequestEntry {
  const flags = { endsProcess: false, isUnsaved: false, isAcknowledged: false };
  return { record, stopping: undefined, ...flags };
}

/** The write that makes the record as it stands durable. */
export function put(entry: RequestEntry): AgentWrite {
  return { type: "putRequest", record: { ...entry.record } };
}

export function enter(entry: RequestEntry, state: RequestRecord["state"], now: number): void {
  entry.record.state = state;
  entry.record.since = now;
  if (state === "started") entry.record.startedAt = now;
}

/** An answer with how long its command ran. */
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
