/** Whether a request may be run at all, and otherwise what it is answered. */
import { acceptedMax, runningMax, unsettledMax } from "../protocol/limits.ts";
import { failure } from "./answer.ts";
import type { Checked } from "./commands/command.ts";
import type { Entry } from "./entry.ts";
import type { Answer } from "./records.ts";

/** Requests that run now, and all that are not settled, this one included. */
export interface Counts {
  running: number;
  known: number;
}

/** Undefined where nothing stands against it; notes whether it ends the process. */
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
  if (counts.known > unsettledMax) {
    return failure("BUSY", `${unsettledMax} answers wait for the control plane to take them`);
  }
  if (counts.running < runningMax || counts.known - counts.running <= acceptedMax) return undefined;
  return failure("BUSY", `${runningMax} commands run and ${acceptedMax} wait already`);
}
