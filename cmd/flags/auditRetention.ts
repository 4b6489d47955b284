/** The flag for the retention of audit entries, for `serve` and `agent`. */
import { usage } from "../cli/strictArgs.ts";
import { parseSeconds } from "./values.ts";

export const auditRetentionArg = {
  type: "string",
  default: "400d",
  valueHint: "TIME",
  description: "retention of audit entries",
} as const;

const secondsMin = 24 * 60 * 60;

/**
 * Returns milliseconds.
 * @throws {WsctlError} USAGE for less than a day.
 */
export function auditRetentionMs(text: string): number {
  const seconds = parseSeconds("audit-retention", text);
  if (seconds >= secondsMin) return seconds * 1000;
  throw usage(`Flag --audit-retention is "${text}": expected a time of at least 1d, such as 400d`);
}
