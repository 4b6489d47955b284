/**
 * Follows the files of a source. A file is identified by device and inode, not by its name: a
 * renamed file is read further, and a new file under the old name from its beginning.
 */
import {
  compareFingerprints,
  extendFingerprint,
  type FileFingerprint,
  readFingerprint,
} from "./fileFingerprint.ts";
import { expand } from "./glob.ts";
import { type LineSink, LineSplitter } from "./lineSplitter.ts";
import { OpenFile, statAt } from "./openFile.ts";
import { checkName, filesMax, type Input } from "./openInputs.ts";

const chunkBytes = 256 * 1024;
/** A file that may become a copy of another is read after this number of polls at the latest. */
const copyingPollsMax = 5;

interface FollowedFile {
  file: OpenFile;
  cutter: LineSplitter;
  /** The fingerprint of the part that was read, with its end. */
  fingerprint: FileFingerprint;
  /** The part that was read before the file was truncated. */
  former?: FileFingerprint;
}

export class FileFollower {
  readonly #globs: readonly string[];
  readonly #makeSink: () => LineSink;
  readonly #followed = new Map<string, FollowedFile>();
  readonly #begin: { file: OpenFile; end: number }[] = [];
  /** The number of polls of files that may still become copies, by identity. */
  readonly #copying = new Map<string, number>();
  readonly #chunk = Buffer.alloc(chunkBytes);

  /** Continues after the ends of `inputs`, whose files it then owns. */
  constructor(globs: readonly string[], inputs: readonly Input[], makeTaker: () => LineSink) {
    this.#globs = globs;
    this.#makeSink = makeTaker;
    for (const { file, end, isGzip } of inputs) {
      if (isGzip) file.close();
      else this.#begin.push({ file, end });
    }
  }

  /** Must be awaited before other calls. */
  async start(): Promise<void> {
    for (const { file, end } of this.#begin.splice(0)) {
      this.#follow(file, await readFingerprint(file, end));
    }
  }

  /** Reads what was added to the known files. */
  async read(signal: AbortSignal): Promise<void> {
    for (const followed of this.#followed.values()) await this.#readOne(followed, signal);
  }

  /** Searches for new files. */
  async poll(): Promise<void> {
    for (const path of expand(this.#globs).paths.sort()) {
      const stat = statAt(path);
      const isOther = path.endsWith(".gz") || checkName(path) !== undefined;
      if (stat === undefined || isOther || this.#followed.has(stat.identity)) continue;
      if (this.#followed.size >= filesMax && !this.#dropOldest()) return;
      await this.#join(path);
    }
  }

  /** Passes on incomplete last lines, and closes the files. */
  close(): void {
    for (const { cutter: splitter, file } of this.#followed.values()) {
      splitter.end();
      file.close();
    }
    this.#followed.clear();
  }

  async #readOne(followed: FollowedFile, signal: AbortSignal): Promise<void> {
    const { file, cutter: splitter } = followed;
    const { size } = file.stat();
    if (size < followed.fingerprint.readTo) {
      splitter.end();
      followed.former = followed.fingerprint;
      followed.fingerprint = await readFingerprint(file, 0);
    }
    while (followed.fingerprint.readTo < size && !signal.aborted) {
      const at = followed.fingerprint.readTo;
      const room = Math.min(this.#chunk.length, size - at);
      const length = await file.read(this.#chunk.subarray(0, room), at);
      if (length === 0) return;
      const bytes = this.#chunk.subarray(0, length);
      followed.fingerprint = extendFingerprint(followed.fingerprint, bytes);
      splitter.push(bytes);
    }
  }

  #follow(file: OpenFile, trace: FileFingerprint): void {
    const splitter = new LineSplitter(this.#makeSink());
    this.#followed.set(file.identity, { file, cutter: splitter, fingerprint: trace });
  }

  /** Reads a new file from its beginning, and a copy from the position in its original. */
  async #join(path: string): Promise<void> {
    let file: OpenFile;
    try {
      file = new OpenFile(path);
    } catch {
      // The file was deleted again, or cannot be read; the next poll tries again.
      return;
    }
    const { identity } = file;
    if (this.#followed.has(identity)) return file.close();
    const { size } = file.stat();
    let isUnsure = false;
    for (const trace of this.#fingerprints()) {
      const found = await compareFingerprints(file, size, trace);
      if (found === "copy") return this.#follow(file, trace);
      if (found === "growing") isUnsure = true;
    }
    const looks = this.#copying.get(identity) ?? 0;
    this.#copying.set(identity, looks + 1);
    if (isUnsure && looks < copyingPollsMax) return file.close();
    this.#copying.delete(identity);
    this.#follow(file, await readFingerprint(file, 0));
  }

  *#fingerprints(): Generator<FileFingerprint> {
    for (const { fingerprint, former } of this.#followed.values()) {
      yield fingerprint;
      if (former !== undefined) yield former;
    }
  }

  /** Closes the oldest file that has lost its name. Returns false if each still has its name. */
  #dropOldest(): boolean {
    for (const [identity, { file, cutter: splitter }] of this.#followed) {
      if (statAt(file.path)?.identity === identity) continue;
      splitter.end();
      file.close();
      return this.#followed.delete(identity);
    }
    return false;
  }
}
