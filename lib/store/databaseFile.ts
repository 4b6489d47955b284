/** What can be wrong with a file of SQLite, and the mark of a damaged one. */
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { isShortOf } from "./freeSpace.ts";

/** The path of a file, and what it contains, such as `the index of the log`. */
export interface NamedFile {
  path: string;
  what: string;
}

/** What SQLite needs beside an empty file. */
const freeBytesMin = 128 * 1024;

/** Whether SQLite says that the file is damaged. */
export function isDamage(error: unknown): boolean {
  return /not a database|malformed|corrupt/i.test(errorText(error));
}

/**
 * Marks a file that was found damaged while it was in use: the next start makes it again. A start
 * does not read all of a large file, and would not find the damage.
 */
export function markDamaged(path: string): void {
  try {
    closeSync(openSync(markOf(path), "a", 0o600));
  } catch {} // A disk that takes nothing: a start finds the damage where this process did.
}

export function isMarkedDamaged(path: string): boolean {
  return existsSync(markOf(path));
}

/** Removes a file, its mark, and what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const each of [path, `${path}-wal`, `${path}-shm`, markOf(path)]) {
    rmSync(each, { force: true });
  }
}

const markOf = (path: string) => `${path}.damaged`;

export function damagedError(
  verb: "open" | "use",
  { what, path }: NamedFile,
  error: unknown,
): WsctlError {
  const text = `Cannot ${verb} ${what} "${path}": the file is damaged (${errorText(error)})`;
  const advice = "Restart: a new one takes its place";
  return new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${advice}`, { cause: error });
}

/** Returns the error for a file that cannot be opened, with what can be done. */
export function openError(file: NamedFile, error: unknown): WsctlError {
  if (isDamage(error)) return damagedError("open", file, error);
  const reason = openReason(file.path, errorText(error));
  const text = `Cannot open ${file.what} "${file.path}": ${reason}`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}

function openReason(path: string, text: string): string {
  if (/locked|busy/i.test(text)) {
    return "another process uses it. Stop that process, or specify another data directory";
  }
  // A shared-memory file that cannot be allocated is reported as an I/O error.
  const isFull = /full/i.test(text) || isShortOf(freeBytesMin, dirname(path));
  if (isFull) return "the disk is full. Free some space";
  return `${text}. Check that the directory exists and that this user may write to it`;
}
