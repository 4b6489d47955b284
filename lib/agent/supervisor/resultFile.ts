/**
 * Where a program may leave its result: in its run's directory, or, where it runs as another user
 * who cannot reach that, in a directory of that user's own. What is found there is that user's word:
 * it is read only if it is a plain file of theirs, so that no link leads to what only we may read.
 */
import { spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resultBytesMax } from "../../protocol/limits.ts";
import { resultFile } from "./runFiles.ts";

export class ResultFile {
  readonly path: string;
  readonly #uid: number | undefined;
  readonly #ownDir: string | undefined;

  /** Throws where there is no such user. */
  constructor(dir: string, user: string | undefined) {
    const isOther = user !== undefined && process.getuid?.() === 0;
    this.#uid = isOther ? findUid(user) : process.getuid?.();
    if (isOther && this.#uid !== undefined) {
      this.#ownDir = mkdtempSync(join(tmpdir(), "wsctl-result-"));
      chownSync(this.#ownDir, this.#uid, -1);
    }
    this.path = join(this.#ownDir ?? dir, resultFile);
  }

  /** Most programs leave none; one that is too long is named and not read. */
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
      if (!isTheirs) return { text: "", fault: "its result is no plain file of its own" };
      if (size > resultBytesMax) {
        const fault = `its result of ${size} bytes is over ${resultBytesMax} bytes and was left out`;
        return { text: "", fault };
      }
      const bytes = Buffer.alloc(size);
      return { text: bytes.subarray(0, readSync(fd, bytes, 0, size, 0)).toString("utf8") };
    } finally {
      closeSync(fd);
    }
  }

  remove(): void {
    if (this.#ownDir === undefined) return;
    try {
      rmSync(this.#ownDir, { recursive: true, force: true });
    } catch {
      // What that user has put there stays, and is theirs: how the program ended is on disk already.
    }
  }
}

function findUid(user: string): number {
  const { stdout } = spawnSync("id", ["-u", "--", user], { encoding: "utf8" });
  if (/^\d+\n$/.test(stdout ?? "")) return Number(stdout);
  throw new Error(`there is no user "${user}" on this host`);
}
