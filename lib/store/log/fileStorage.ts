/** A log's storage in a directory of files. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { syncDelayMs } from "../../failpoints.ts";
import { syncPath } from "../../files/atomicWrite.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { freeBytesAt } from "../freeSpace.ts";
import { storageError } from "./logErrors.ts";
import type { LogFile, LogStorage } from "./storage.ts";

const zeros = new Uint8Array(256 * 1024);

/** The file that a process locks as long as it uses the directory. */
const lockName = "lock";
const lockPatienceMs = 1_000;
const lockRetryMs = 20;

export interface FileStorageOptions {
  path: string;
  /** Locks an open file for this process, or returns false if another process has locked it. */
  tryLock(fd: number, path: string): boolean;
}

/**
 * Opens the storage in a directory, which is created, readable only by its owner, if it is missing.
 * No other process can open it until it is released.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE
 */
export function openFileStorage({ path, tryLock }: FileStorageOptions): LogStorage {
  try {
    if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) syncPath(dirname(path));
    const lock = join(path, lockName);
    const fd = openSync(lock, "a", 0o600);
    if (!lockSoon(() => tryLock(fd, lock))) {
      closeSync(fd);
      const text = `Cannot open the log "${path}": another process uses it`;
      const fix = "Stop that process, or specify another data directory";
      throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
    }
    let isHeld = true;
    const release = () => {
      if (isHeld) closeSync(fd);
      isHeld = false;
    };
    return Object.assign(storageIn(path), { release });
  } catch (error) {
    throw storageError("open", path, error);
  }
}

/** A process that was killed releases its lock a moment later. */
function lockSoon(tryLock: () => boolean): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Date.now() + lockPatienceMs; !tryLock(); ) {
    if (Date.now() >= until) return false;
    Atomics.wait(pause, 0, 0, lockRetryMs);
  }
  return true;
}

function storageIn(path: string): LogStorage {
  const place = placeOf(path);
  return {
    path,
    list: () => readdirSync(path),
    open: (name) => openFile(join(path, name), "r+"),
    create: (name, bytes) => createFile(join(path, name), bytes),
    rename: (from, to) => renameSync(join(path, from), join(path, to)),
    remove: (name) => rmSync(join(path, name), { force: true }),
    syncNames: () => syncPath(path),
    get freeBytes() {
      return freeBytesAt(path);
    },
    assertInPlace: () => {
      if (placeOf(path) === place) return;
      const text = `Cannot write the log "${path}": the directory was removed, moved or replaced`;
      const fix = "Move it back, or restart to use the current directory";
      throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
    },
    release: () => {},
  };
}

/**
 * Returns the storage of a log that another process may be writing, for reading only.
 *
 * @throws {WsctlError} INTERNAL by its methods that write
 */
export function readOnlyStorage(path: string): LogStorage {
  const refuse = () => {
    throw new WsctlError("INTERNAL", `Cannot write the log "${path}": it is open for reading`);
  };
  return Object.assign(storageIn(path), {
    open: (name: string) => openFile(join(path, name), "r"),
    create: refuse,
    rename: refuse,
    remove: refuse,
    syncNames: refuse,
  });
}

function createFile(path: string, bytes: number): LogFile {
  rmSync(path, { force: true });
  const fd = openSync(path, "wx+", 0o600);
  try {
    for (let at = 0; at < bytes; ) {
      at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at), at);
    }
    fdatasyncSync(fd);
  } catch (error) {
    closeSync(fd);
    rmSync(path, { force: true });
    throw error;
  }
  return fileOn(fd);
}

function openFile(path: string, flags: "r" | "r+"): LogFile {
  return fileOn(openSync(path, flags));
}

function fileOn(fd: number): LogFile {
  let syncsRunning = 0;
  let isClosed = false;
  // The number of a closed file may be that of another one when a late sync comes to it.
  const closeUnused = () => {
    if (isClosed && syncsRunning === 0) closeSync(fd);
  };
  return {
    size: () => {
      const { nlink, size } = fstatSync(fd);
      return nlink === 0 ? 0 : size;
    },
    read: (offset, bytes) => {
      const into = Buffer.allocUnsafe(bytes);
      let done = 0;
      while (done < bytes) {
        const count = readSync(fd, into, done, bytes - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return into.subarray(0, done);
    },
    write: (offset, bytes) => {
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(fd, bytes, at, bytes.length - at, offset + at);
      }
    },
    truncate: (bytes) => ftruncateSync(fd, bytes),
    sync: () => {
      if (syncDelayMs > 0)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, syncDelayMs);
      fdatasyncSync(fd);
    },
    syncLater: (done) => {
      syncsRunning++;
      const ended = (error: Error | null) => {
        syncsRunning--;
        closeUnused();
        done(error ?? undefined);
      };
      const sync = () => fdatasync(fd, ended);
      if (syncDelayMs > 0) setTimeout(sync, syncDelayMs);
      else sync();
    },
    close: () => {
      isClosed = true;
      closeUnused();
    },
  };
}

/** Identifies a directory, to detect that another one replaced it. */
function placeOf(path: string): string {
  const { dev, ino } = statSync(path, { throwIfNoEntry: false }) ?? { dev: 0, ino: 0 };
  return `${dev}:${ino}`;
}
