/** Replaces the installed program atomically. */

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

/** Returns the path at which the replaced program is kept. */
export function previousPath(path: string): string {
  return `${path}.previous`;
}

/**
 * Checks at the start that this process can replace the file.
 * @throws {WsctlError} FORBIDDEN if it cannot.
 */
export function assertWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    const text = `Cannot replace "${path}": ${errorText(error)}`;
    throw new WsctlError("FORBIDDEN", text);
  }
}

/** Installs a file. The old file is kept beside the new one. Both are on disk when this returns. */
export function install(file: string, path: string): void {
  const fresh = `${path}.new`;
  const previous = previousPath(path);
  const { mode, uid, gid } = statSync(path);
  copyFileSync(file, fresh);
  chmodSync(fresh, mode);
  // Only root can change the owner, and only an agent of root replaces files of other users.
  if (process.getuid?.() === 0) chownSync(fresh, uid, gid);
  syncPath(fresh);
  // The old file gets a second name first, so that the path exists at every moment.
  rmSync(previous, { force: true });
  try {
    linkSync(path, previous);
  } catch {
    // Some file systems do not support hard links.
    copyFileSync(path, previous);
  }
  renameSync(fresh, path);
  syncPath(dirname(path));
}
