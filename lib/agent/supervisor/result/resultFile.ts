/**
 * The file for a program's result: in the directory of its run, or, for another user who has no
 * access to that, in a separate directory of that user. The contents belong to that user, so the
 * file is read only if it is a regular file of the user. A link could lead to a file that only the
 * agent may read.
 */
import { spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resultBytesMax } from "../../../protocol/limits.ts";
import { artifactDir, resultFile } from "../runFiles.ts";

export class ResultFile {
  readonly path: string;
  /** The directory for files that become artifacts. */
  readonly artifactDir: string;
  /** The user id of the program, if it is another one. */
  readonly owner: number | undefined;
  readonly #uid: number | undefined;
  readonly #ownDir: string | undefined;

  /** @throws If the user does not exist. */
  constructor(dir: string, user: string | undefined) {
    const isOther = user !== undefined && process.getuid?.() === 0;
    this.#uid = isOther ? findUid(user) : process.getuid?.();
    this.owner = isOther ? this.#uid : undefined;
    if (isOther && this.#uid !== undefined) {
      this.#ownDir = mkdtempSync(join(tmpdir(), "wsctl-result-"));
      chownSync(this.#ownDir, this.#uid, -1);
    }
    this.path = join(this.#ownDir ?? dir, resultFile);
    this.artifactDir = join(this.#ownDir ?? dir, artifactDir);
    mkdirSync(this.artifactDir, { recursive: true, mode: 0o700 });
    if (this.#ownDir !== undefined && this.#uid !== undefined) {
      chownSync(this.artifactDir, this.#uid, -1);
    }
  }

  /**
   * Reads the result. A program need not leave one; one that is too large is reported and not read.
   */
  read(): { text: string; fault?: string } {
    let fd: number;
    try {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return { text: "" };
    }
    try {
      const { size, uid, nlink } = fstatSync(fd);
      const isTheirs = fstatSync(fd).isFile() && nlink === 1 && uid === (this.#uid ?? uid);
      if (!isTheirs)
        return { text: "", fault: "the result is not a regular file of the program's user" };
      if (size > resultBytesMax) {
        const fault = `the result was omitted: its ${size} bytes exceed ${resultBytesMax} bytes`;
        return { text: "", fault };
      }
      const bytes = Buffer.alloc(size);
      return { text: bytes.subarray(0, readSync(fd, bytes, 0, size, 0)).toString("utf8") };
    } finally {
      closeSync(fd);
    }
  }

  /** Whether there is something to store: files, or a result that is too large for a message. */
  get hasArtifacts(): boolean {
    return this.isTooLarge || readdirSync(this.artifactDir).length > 0;
  }

  get isTooLarge(): boolean {
    const stats = lstatSync(this.path, { throwIfNoEntry: false });
    return stats?.isFile() === true && stats.size > resultBytesMax;
  }

  /** The user whose files are taken; undefined where users have no ids. */
  get uid(): number | undefined {
    return this.#uid;
  }

  remove(): void {
    if (this.#ownDir === undefined) return;
    try {
      rmSync(this.#ownDir, { recursive: true, force: true });
    } catch {
      // The directory may contain files of that user, which stay; the end of the program is already
      // stored.
    }
  }
}

function findUid(user: string): number {
  const { stdout } = spawnSync("id", ["-u", "--", user], { encoding: "utf8" });
  if (/^\d+\n$/.test(stdout ?? "")) return Number(stdout);
  throw new Error(`there is no user "${user}" on this host`);
}
