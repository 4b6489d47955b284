/** How long jobs and audit entries are kept, for `serve` and `agent`. */
import { jobRetentionMsMin } from "../../lib/control/journal/history/maintenance.ts";
import type { ControlOptions } from "../../lib/control/start.ts";
import { usage } from "../cli/strictArgs.ts";
import { parseSeconds, wholeNumber } from "./values.ts";

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

export interface RetentionFlags {
  "job-retention": string;
  "job-retention-max": string;
  "audit-retention": string;
}

/**
 * A shorter retention would delete a request while it could still be repeated.
 *
 * @throws {WsctlError} USAGE with the flag
 */
export function parseRetention(options: RetentionFlags): ControlOptions["retention"] {
  const { "job-retention": text, "audit-retention": audit } = options;
  const keepMs = parseSeconds("job-retention", text) * 1000;
  if (keepMs < jobRetentionMsMin) {
    throw usage(`Flag --job-retention is "${text}": expected a time of at least 9d, such as 90d`);
  }
  return {
    retentionMs: keepMs,
    requestsMax: wholeNumber("job-retention-max", options["job-retention-max"], 1, 1_000_000_000),
    auditMs: auditRetentionMs(audit),
    auditWhy: `serve --audit-retention ${audit}`,
  };
}
