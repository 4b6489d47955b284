/**
 * What is added to the files of a source. A file is known by what it is and not by its name: one
 * that was renamed is read on, one that took its name is read from its beginning.
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
/** A file that may turn out to be a copy of another is not read before so many looks. */
const copyingPollsMax = 5;

interface FollowedFile {
  file: OpenFile;
  cutter: LineSplitter;
  /** What was read, and up to where. */
  fingerprint: FileFingerprint;
  /** What was read before it was emptied. */
  former?: FileFingerprint;
}

export class FileFollower {
  readonly #globs: readonly string[];
  readonly #makeSink: () => LineSink;
  readonly #followed = new Map<string, FollowedFile>();
  readonly #begin: { file: OpenFile; end: number }[] = [];
  /** Files that may still become copies, by what they are: how often they were looked at. */
  readonly #copying = new Map<string, number>();
  readonly #chunk = Buffer.alloc(chunkBytes);

  /** Goes on behind the ends of `inputs`, whose files are its own from now on. */
  constructor(globs: readonly string[], inputs: readonly Input[], makeTaker: () => LineSink) {
    this.#globs = globs;
    this.#makeSink = makeTaker;
    for (const { file, end, isGzip } of inputs) {
      if (isGzip) file.close();
      else this.#begin.push({ file, end });
    }
  }

  /** To be awaited before everything else. */
  async start(): Promise<void> {
    for (const { file, end } of this.#begin.splice(0)) {
      this.#follow(file, await readFingerprint(file, end));
    }
  }

  /** Takes what was added to the files that are known. */
  async read(signal: AbortSignal): Promise<void> {
    for (const followed of this.#followed.values()) await this.#readOne(followed, signal);
  }

  /** Looks for files that are new. */
  async poll(): Promise<void> {
    for (const path of expand(this.#globs).paths.sort()) {
      const stat = statAt(path);
      const isOther = path.endsWith(".gz") || checkName(path) !== undefined;
      if (stat === undefined || isOther || this.#followed.has(stat.identity)) continue;
      if (this.#followed.size >= filesMax && !this.#dropOldest()) return;
      await this.#join(path);
    }
  }

  /** The last lines that nothing has ended, and the end. */
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

  /** A new file is read from its beginning; a copy from where what it was copied from was read. */
  async #join(path: string): Promise<void> {
    let file: OpenFile;
    try {
      file = new OpenFile(path);
    } catch {
      // Gone again, or not for us to read: the next look tells.
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

  /** Gives up a file that has lost its name; false where each still has its own. */
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
