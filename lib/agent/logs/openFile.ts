/**
 * Opens a log file for reads at any position. Other kinds of files, which could block, are
 * rejected.
 */
import { closeSync, constants, fstatSync, openSync, read, statSync } from "node:fs";
import { promisify } from "node:util";
import { WsctlError } from "../../protocol/errors.ts";
import { findForeignSymlink } from "./symlinkCheck.ts";

const readAt = promisify(read);

/** Bytes that can be read at any position; tests replace the file. */
export interface Bytes {
  /** Returns the number of bytes read; 0 at the end. */
  read(into: Uint8Array, at: number): Promise<number>;
}

export interface Stat {
  size: number;
  modifiedAtMs: number;
  /** Identifies the file under any name, as long as it exists. */
  identity: string;
}

export class OpenFile implements Bytes {
  readonly path: string;
  readonly identity: string;
  readonly #fd: number;
  #isClosed = false;

  /**
   * @throws {WsctlError} NOT_FOUND if it is not a regular file, FORBIDDEN for an untrusted link; or
   * an error of the system.
   */
  constructor(path: string) {
    // Opening a device can have an effect, and opening a FIFO blocks, so the type is checked first.
    assertTrusted(path, statSync(path).isFile());
    const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;
    this.#fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    this.path = path;
    try {
      const found = fstatSync(this.#fd);
      assertTrusted(path, found.isFile());
      const link = findForeignSymlink(path, found.uid);
      if (link !== undefined) throw untrustedError(link);
      this.identity = this.stat().identity;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  stat(): Stat {
    return toStat(fstatSync(this.#fd));
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    return (await readAt(this.#fd, into, 0, into.length, at)).bytesRead;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#fd);
  }
}

/** Returns the file at a path now; undefined if there is none. */
export function statAt(path: string): Stat | undefined {
  try {
    const found = statSync(path);
    return found.isFile() ? toStat(found) : undefined;
  } catch {
    // The file was deleted or is not readable; it has no lines in either case.
    return undefined;
  }
}

function toStat(found: { size: number; mtimeMs: number; dev: number; ino: number }): Stat {
  return {
    size: found.size,
    modifiedAtMs: found.mtimeMs,
    identity: `${found.dev}:${found.ino}`,
  };
}

function untrustedError(link: string): WsctlError {
  const reason = "the link belongs to neither root, nor the agent, nor the owner of the file";
  return new WsctlError("FORBIDDEN", `${link} is not followed: ${reason}`);
}

function assertTrusted(path: string, isFile: boolean): void {
  if (isFile) return;
  throw new WsctlError("NOT_FOUND", `${path} is not a regular file`);
}
