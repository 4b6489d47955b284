/** The errors of a log: each names the file, what is wrong with it, and what to do. */
import { join } from "node:path";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { fileName, headName, type LogStorage, segmentName } from "./storage.ts";

/** @returns the error about one file of a log that cannot be used */
export function refused(path: string, reason: string): WsctlError {
  return new WsctlError("STORAGE_UNAVAILABLE", `Cannot use the log file "${path}": ${reason}`);
}

/** A log that is not as it was written. Where another place has its entries, it can be copied. */
export class DamagedLog extends WsctlError {
  constructor(error: WsctlError) {
    super(error.code, error.message);
  }
}

/** @returns the error about a damaged place in a file of a log */
export function damaged(path: string, offset: number, reason: string): WsctlError {
  const text = `the file is damaged at byte ${offset}: ${reason}. ${restore}`;
  return new DamagedLog(refused(path, text));
}

/** @returns the error about an entry that cannot be read from its place */
export function entryDamaged(
  storage: LogStorage,
  segment: number,
  offset: number,
  sequence: number,
): WsctlError {
  const path = join(storage.path, fileName(storage, segment));
  return damaged(path, offset, `entry ${sequence} does not verify`);
}

/** @returns the error about the segment that is written, which lost entries meanwhile */
export function cutWhileWritten(path: string): WsctlError {
  return refused(path, `it was removed or shortened while it was written. ${restore}`);
}

/** @returns the error about the head of a log in a directory */
export function headDamaged(directory: string, reason: string): WsctlError {
  const text = `${reason}, so it cannot be known whether the log is complete`;
  return new DamagedLog(refused(join(directory, headName), `${text}. ${restore}`));
}

/** @returns the error about a segment that is not in a directory */
export function missing(directory: string, first: number, last: number): WsctlError {
  const text = `it is missing, with the entries ${first} to ${last}`;
  return new DamagedLog(refused(join(directory, segmentName(first)), `${text}. ${restore}`));
}

const restore =
  "Restore the log from a backup, or move the directory away to start with an empty log";

/** @returns the error of an operation on the whole log, such as "open" */
export function storageError(operation: string, directory: string, error: unknown): WsctlError {
  if (error instanceof WsctlError) return error;
  const text = `Cannot ${operation} the log "${directory}": ${reasonOf(error)}`;
  return new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
}

/**
 * Reads a file of a log in a directory.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with the error of the operating system
 */
export function reading<T>(directory: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw storageError("read", directory, error);
  }
}

function reasonOf(error: unknown): string {
  const text = errorText(error);
  if (/ENOSPC|EDQUOT/.test(text)) return "the disk is full. Free some space";
  if (/EACCES|EPERM|EROFS/.test(text)) return `${text}. Check that this user may write to it`;
  return text;
}
