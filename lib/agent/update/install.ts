/** Putting a program in the place of the one that is installed, whole or not at all. */

import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  linkSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { syncPath } from "../../files/atomicWrite.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";

/** Where the program that was replaced is kept. */
export function previousPath(path: string): string {
  return `${path}.previous`;
}

/** Throws `FORBIDDEN` where this process could not replace the file: better known at the start. */
export function assertWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    const text = `this agent may not replace "${path}": ${errorText(error)}`;
    throw new WsctlError("FORBIDDEN", text);
  }
}

/** The old file stays beside the new one. On disk when this returns. */
export function install(file: string, path: string): void {
  const fresh = `${path}.new`;
  const previous = previousPath(path);
  const { mode, uid, gid } = statSync(path);
  copyFileSync(file, fresh);
  chmodSync(fresh, mode);
  // Only root can give a file away, and only root's agent replaces somebody else's.
  if (process.getuid?.() === 0) chownSync(fresh, uid, gid);
  syncPath(fresh);
  // One name at a time: at no moment is there no program at its path.
  rmSync(previous, { force: true });
  try {
    linkSync(path, previous);
  } catch {
    // Not every file system has a second name for a file.
    copyFileSync(path, previous);
  }
  renameSync(fresh, path);
  syncPath(dirname(path));
}
