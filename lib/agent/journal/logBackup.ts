/**
 * A copy of the agent's log, made before another version is tried, which may write a newer format
 * that this version cannot read.
 */
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncPath } from "../../files/atomicWrite.ts";
import { isReadable } from "../../store/log/readLog.ts";

function backupPath(logDir: string): string {
  return `${logDir}.before-update`;
}

/** Copies a closed log; the copy is on disk when this returns. */
export function backUpLog(logDir: string): void {
  const copy = backupPath(logDir);
  const unfinished = `${copy}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(copy, { recursive: true, force: true });
  cpSync(logDir, unfinished, { recursive: true });
  for (const name of readdirSync(unfinished)) syncPath(join(unfinished, name));
  syncPath(unfinished);
  renameSync(unfinished, copy);
  syncPath(dirname(copy));
}

/** Deletes the copy after the newer version is installed. */
export function deleteLogBackup(logDir: string): void {
  rmSync(backupPath(logDir), { recursive: true, force: true });
}

/**
 * Restores the copy if this version cannot read the log, after a trial that failed or was
 * interrupted. Without a copy it does nothing.
 */
export function restoreLogBackup(logDir: string): void {
  const copy = backupPath(logDir);
  if (!existsSync(copy)) return;
  // If the log is missing, an interrupted call of this function has deleted it.
  if (existsSync(logDir) && isReadable(logDir)) return deleteLogBackup(logDir);
  rmSync(logDir, { recursive: true, force: true });
  renameSync(copy, logDir);
  syncPath(dirname(logDir));
}
