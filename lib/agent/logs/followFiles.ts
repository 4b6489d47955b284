/**
 * What is added to the files of a source. A file is known by what it is and not by its name: one
 * that was renamed is read on, one that took its name is read from its beginning.
 */
import { expand } from "./glob.ts";
import { faultOfName, filesMax, type Input } from "./inputs.ts";
import { LineCutter, type LineTaker } from "./lines.ts";
import { OpenFile, statAt } from "./openFile.ts";

const chunkBytes = 256 * 1024;
/** How much of a file's beginning is remembered, to know a copy of it; a short one tells nothing. */
const beginningBytes = 1_024;
const tellingBytes = 64;

interface Followed {
  file: OpenFile;
  /** Read up to here. */
  at: number;
  cutter: LineCutter;
  beginning: Beginning;
  /** What it began with before it was emptied, and how far that was read. */
  former?: Beginning;
  /** A copy of what was read already: it may still be growing up to there. */
  isCopy: boolean;
}

interface Beginning {
  bytes: Buffer;
  readTo: number;
}

export class FileFollower {
  readonly #globs: readonly string[];
  readonly #makeTaker: () => LineTaker;
  readonly #followed = new Map<string, Followed>();
  readonly #chunk = Buffer.alloc(chunkBytes);

  /** Goes on behind the ends of `inputs`, whose files are its own from now on. */
  constructor(globs: readonly string[], inputs: readonly Input[], makeTaker: () => LineTaker) {
    this.#globs = globs;
    this.#makeTaker = makeTaker;
    for (const { file, end, isGzip } of inputs) {
      if (isGzip) file.close();
      else this.#follow(file, end);
    }
  }

  /** Takes what was added to the files that are known. */
  async read(signal: AbortSignal): Promise<void> {
    for (const followed of this.#followed.values()) await this.#readOne(followed, signal);
  }

  /** Looks for files that are new. */
  async look(): Promise<void> {
    for (const path of expand(this.#globs).paths.sort()) {
      const stat = statAt(path);
      const isOther = path.endsWith(".gz") || faultOfName(path) !== undefined;
      if (stat === undefined || isOther || this.#followed.has(stat.identity)) continue;
      if (this.#followed.size >= filesMax && !this.#forgetOne()) return;
      await this.#join(path);
    }
  }

  /** The last lines that nothing has ended, and the end. */
  close(): void {
    for (const { cutter, file } of this.#followed.values()) {
      cutter.end();
      file.close();
    }
    this.#followed.clear();
  }

  async #readOne(followed: Followed, signal: AbortSignal): Promise<void> {
    const { file, cutter } = followed;
    const { size } = file.stat();
    if (size < followed.at && !followed.isCopy) {
      cutter.end();
      followed.former = { ...followed.beginning, readTo: followed.at };
      followed.at = 0;
      followed.beginning = { bytes: Buffer.alloc(0), readTo: 0 };
    }
    await this.#learnBeginning(followed);
    while (followed.at < size && !signal.aborted) {
      const room = Math.min(this.#chunk.length, size - followed.at);
      const length = await file.read(this.#chunk.subarray(0, room), followed.at);
      if (length === 0) return;
      followed.at += length;
      cutter.push(this.#chunk.subarray(0, length));
    }
  }

  #follow(file: OpenFile, at: number): Followed {
    const followed = {
      ...{ file, at, cutter: new LineCutter(this.#makeTaker()), isCopy: false },
      beginning: { bytes: Buffer.alloc(0), readTo: 0 },
    };
    this.#followed.set(file.identity, followed);
    return followed;
  }

  /** Rotation by copying leaves a new file with old lines, which were read where they came from. */
  async #join(path: string): Promise<void> {
    let file: OpenFile;
    try {
      file = new OpenFile(path);
    } catch {
      // Gone again, or not for us to read: the next look tells.
      return;
    }
    if (this.#followed.has(file.identity)) return file.close();
    const followed = this.#follow(file, 0);
    await this.#learnBeginning(followed);
    const { bytes } = followed.beginning;
    for (const { beginning, former, at } of this.#followed.values()) {
      if (beginning === followed.beginning) continue;
      for (const each of [{ ...beginning, readTo: at }, former]) {
        if (each === undefined || each.bytes.length < tellingBytes) continue;
        if (!bytes.subarray(0, each.bytes.length).equals(each.bytes)) continue;
        followed.at = each.readTo;
        followed.isCopy = true;
      }
    }
  }

  async #learnBeginning({ file, beginning }: Followed): Promise<void> {
    if (beginning.bytes.length >= beginningBytes) return;
    const bytes = Buffer.alloc(beginningBytes);
    beginning.bytes = bytes.subarray(0, await file.read(bytes, 0));
  }

  /** Gives up a file that has lost its name; false where each still has its own. */
  #forgetOne(): boolean {
    for (const [identity, { file, cutter }] of this.#followed) {
      if (statAt(file.path)?.identity === identity) continue;
      cutter.end();
      file.close();
      return this.#followed.delete(identity);
    }
    return false;
  }
}
