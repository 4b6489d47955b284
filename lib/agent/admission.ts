/** Whether a request may be run at all, and otherwise what it is answered. */
import { acceptedMax, unsettledMax } from "../protocol/limits.ts";
import { failure } from "./answer.ts";
import type { Checked } from "./commands/command.ts";
import type { Entry } from "./entry.ts";
import type { Answer } from "./records.ts";

/** Requests that wait for their turn, and all that are not settled, this one included. */
export interface Counts {
  waiting: number;
  known: number;
}

/** Undefined where nothing stands against it; notes how the command wants to be run. */
export function refusalOf(
  entry: Entry,
  check: (command: string, parameters: unknown) => Checked,
  counts: Counts,
  now: number,
): Answer | undefined {
  const { command, parameters, expiresAt } = entry.record;
  if (expiresAt !== undefined && expiresAt <= now) {
    return failure("EXPIRED", "the request's time to live has passed; it was not started");
  }
  const checked = check(command, parameters);
  if (checked.code !== undefined) return failure(checked.code, checked.message);
  entry.endsProcess = checked.endsProcess;
  if (checked.outlives) entry.record.outlives = true;
  if (checked.concurrency !== undefined) entry.concurrency = checked.concurrency;
  entry.record.timeoutMs = Math.min(entry.record.timeoutMs, checked.timeoutMs ?? Infinity);
  if (counts.known > unsettledMax) {
    return failure("BUSY", `${unsettledMax} answers wait for the control plane to take them`);
  }
  if (counts.waiting <= acceptedMax) return undefined;
  return failure("BUSY", `${acceptedMax} commands wait for their turn already`);
}
