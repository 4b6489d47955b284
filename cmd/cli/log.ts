/** Creates the log of commands that run for a long time; other commands do not load consola. */
import { createLog } from "../../lib/log/consolaLog.ts";
import type { Log, LogLevel } from "../../lib/log/log.ts";

export function createCliLog(options: {
  "log-level"?: string;
  "log-json"?: boolean | undefined;
}): Log {
  const level = (options["log-level"] ?? "info") as LogLevel;
  return createLog({ level, json: options["log-json"] ?? false });
}
