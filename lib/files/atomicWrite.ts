/** Writes that survive a crash: a file has its old content or its new one, never a part. */
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { system } from "../system/current.ts";

/**
 * Replaces a file, or creates it, and returns when it is on disk. The content is written to
 * `PATH.new`, synced, and renamed; then the directory is synced (rename(2), fsync(2)).
 * @param mode permission bits of the new file, whatever the umask
 * @throws the error of the operating system; the old file is unchanged then
 */
export function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): void {
  const fresh = `${path}.new`;
  // What a process that died has left may have other permissions, or be a link.
  rmSync(fresh, { force: true });
  createFile(fresh, content, mode);
  renameSync(fresh, path);
  syncPath(dirname(path));
}

/**
 * Creates a file, and returns when its content is on disk. It never replaces a file, and leaves
 * none that is not whole, because the next attempt would find that one.
 * @param mode permission bits of the new file, whatever the umask
 * @throws the error of the operating system, EEXIST if the file exists
 */
export function createFile(path: string, content: string | Uint8Array, mode: number): void {
  const file = openSync(path, "wx", mode);
  try {
    fchmodSync(file, mode);
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    // Errors of an open file, such as that of a full disk, do not name it.
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  } finally {
    closeSync(file);
  }
}

/** Brings a file, or the names in a directory, to disk. */
export function syncPath(path: string): void {
  system.sync(path);
}
