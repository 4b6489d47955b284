/**
 * Places one file at its path: the old content or the new one is there at any moment, also after a
 * crash. On Linux a descriptor holds the directory open, so that a link that replaces it in the
 * meantime leads nowhere else (openat(2), by /proc/self/fd).
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
} from "node:fs";
import { basename, dirname } from "node:path";
import { digestFile } from "../../files/fileDigest.ts";

/** What happens with a file that is there, and with which permissions it is written. */
export interface PlaceOptions {
  requestId: string;
  /** Octal permissions; by default those of an existing file. */
  mode: number | undefined;
  owner: { uid: number; gid: number | undefined } | undefined;
  isBackedUp: boolean;
  /** Reports the change, and changes nothing. */
  isCheck: boolean;
}

export interface NewFile {
  /** Where the content is. */
  from: string;
  sha256: string;
  /** The permissions of the source, for a file that does not exist yet. */
  mode: number;
}

export type Change = "created" | "changed" | "unchanged";

const unfinishedPrefix = ".wsctl-push-";
const staleMs = 24 * 60 * 60 * 1000;

/**
 * Places a file. @param path a real path, without links in its directories
 * @throws the error of the operating system; the old file is unchanged then
 */
export async function placeFile(
  path: string,
  file: NewFile,
  options: PlaceOptions,
): Promise<Change> {
  if (options.isCheck && !exists(dirname(path))) return "created";
  if (!options.isCheck) mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const fd = openDirectory(dirname(path));
  try {
    const at = pathOf(fd, dirname(path));
    const target = `${at}/${basename(path)}`;
    const old = lstat(target);
    if (old?.isDirectory()) throw new Error(`"${path}" is a directory. Name the file in it`);
    const wanted = permissions(old, file, options);
    if (old !== undefined && (await isSame(target, old, file, wanted))) return "unchanged";
    const change: Change = old === undefined ? "created" : "changed";
    if (options.isCheck) return change;
    removeStale(at);
    const fresh = `${at}/${unfinishedPrefix}${options.requestId}`;
    rmSync(fresh, { force: true });
    try {
      write(fresh, file.from, wanted);
      if (old !== undefined && options.isBackedUp) linkSync(target, `${target}.${stamp()}.bak`);
      renameSync(fresh, target);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
    fsyncSync(fd);
    return change;
  } finally {
    closeSync(fd);
  }
}

interface Permissions {
  mode: number;
  uid: number | undefined;
  gid: number | undefined;
}

function permissions(old: Stats | undefined, file: NewFile, options: PlaceOptions): Permissions {
  const kept = old?.isFile() ? old : undefined;
  return {
    mode: options.mode ?? (kept === undefined ? file.mode & 0o777 : kept.mode & 0o7777),
    uid: options.owner?.uid ?? kept?.uid,
    gid: options.owner === undefined ? kept?.gid : (options.owner.gid ?? kept?.gid),
  };
}

async function isSame(path: string, old: Stats, file: NewFile, wanted: Permissions) {
  if (!old.isFile() || (old.mode & 0o7777) !== wanted.mode) return false;
  if (wanted.uid !== undefined && wanted.uid !== old.uid) return false;
  if (wanted.gid !== undefined && wanted.gid !== old.gid) return false;
  return (await digestFile(path)).sha256 === file.sha256;
}

/** Writes a file that only this user can read until its owner and its mode are set. */
function write(fresh: string, from: string, { mode, uid, gid }: Permissions): void {
  // A copy begins with the mode of its source.
  chmodSync(from, 0o600);
  copyFileSync(from, fresh, constants.COPYFILE_EXCL);
  if (uid !== undefined || gid !== undefined) {
    const made = lstatSync(fresh);
    const isOther = (uid ?? made.uid) !== made.uid || (gid ?? made.gid) !== made.gid;
    if (isOther) chownSync(fresh, uid ?? made.uid, gid ?? made.gid);
  }
  chmodSync(fresh, mode);
  const fd = openSync(fresh, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What a push that was interrupted has left. */
function removeStale(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(unfinishedPrefix)) continue;
    const stats = lstat(`${dir}/${name}`);
    if (stats !== undefined && Date.now() - stats.mtimeMs > staleMs) rmSync(`${dir}/${name}`);
  }
}

/** @throws {Error} if another directory is there now */
function openDirectory(path: string): number {
  const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0 } = constants;
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const found = pathOf(fd, path);
  if (found === path || readlinkSync(found) === path) return fd;
  closeSync(fd);
  throw new Error(`"${path}" was replaced by a link in the meantime`);
}

function pathOf(fd: number, path: string): string {
  return process.platform === "linux" ? `/proc/self/fd/${fd}` : path;
}

function lstat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function exists(path: string): boolean {
  return lstat(path) !== undefined;
}

/** A time that fits into a file name. */
function stamp(): string {
  return new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
