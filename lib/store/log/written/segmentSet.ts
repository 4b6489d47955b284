/** The segments of a log that is open for writing: one that is written, and the closed ones. */
import { join } from "node:path";
import { openSegment } from "../compressed/segmentFile.ts";
import {
  encodeSegmentHeader,
  formatVersion,
  headerBytes,
  type LogOwner,
  linesOf,
  logOwners,
} from "../format.ts";
import { cutWhileWritten, entryDamaged, reading } from "../logErrors.ts";
import { type FoundSegment, toInfo } from "../recovery.ts";
import {
  batchAt,
  batchesIn,
  type ChainPosition,
  type EntryPlace,
  nextSegmentBytes,
  type PlacedBatch,
  readBatch,
  type SegmentBytes,
  type SegmentInfo,
} from "../segments.ts";
import { type LogFile, type LogStorage, segmentName, unfinishedSuffix } from "../storage.ts";
import { SpareSegment } from "./spareSegment.ts";

interface WrittenSegment extends SegmentInfo {
  file: LogFile;
}

export interface SegmentSetOptions {
  storage: LogStorage;
  owner: LogOwner;
  segmentBytes: SegmentBytes;
  logId: Uint8Array;
  /** The current time in milliseconds since 1970. */
  wall(): number;
}

export class SegmentSet {
  readonly #options: SegmentSetOptions;
  /** Oldest first. */
  readonly #closed: SegmentInfo[];
  /** Undefined until it is known that the disk takes entries. */
  #written: WrittenSegment | undefined;
  readonly #spare: SpareSegment;

  /** @param tornBytes the bytes after the last batch that are overwritten with zeros */
  constructor(options: SegmentSetOptions, found: readonly FoundSegment[], tornBytes: number) {
    this.#options = options;
    this.#spare = new SpareSegment(options.storage);
    const last = found.at(-1);
    // A file that was cut within the padding of its last batch is complete, and is not continued.
    const isContinued = last !== undefined && last.end <= last.size && !last.isCompressed;
    this.#closed = (isContinued ? found.slice(0, -1) : found).map(toInfo);
    if (!isContinued) return;
    const file = options.storage.open(segmentName(last.first));
    this.#written = { ...toInfo(last), file };
    if (tornBytes === 0) return;
    file.write(last.end, new Uint8Array(tornBytes));
    file.sync();
  }

  /** All segments, oldest first. */
  get all(): readonly SegmentInfo[] {
    if (this.#written === undefined) return this.#closed;
    const { file: _, ...info } = this.#written;
    return [...this.#closed, info];
  }

  /** @throws {WsctlError} STORAGE_UNAVAILABLE if the directory or the written file is not there */
  assertInPlace(): void {
    const { storage } = this.#options;
    storage.assertInPlace();
    const written = this.#written;
    if (written === undefined || written.file.size() >= written.end) return;
    throw cutWhileWritten(join(storage.path, segmentName(written.first)));
  }

  /**
   * Makes room for a batch, in a new segment if it does not fit. Nothing has changed if it throws.
   *
   * @param position the end of what is proven to be on disk, where the batch begins
   * @param isEssential whether the batch may use the space that is kept for what has begun
   */
  reserve(bytes: number, position: ChainPosition, isEssential: boolean): void {
    this.#spare.keep(this.#segmentFor(bytes, position), bytes, this.#nextBytes, isEssential);
  }

  /** Writes a batch for which there is room. It is on disk after `file.sync`. */
  write(batch: Uint8Array, position: ChainPosition): { file: LogFile; place: EntryPlace } {
    const { file } = this.#segmentFor(batch.length, position);
    const place = this.placeOf(batch.length, position);
    file.write(place.offset, batch);
    return { file, place };
  }

  /**
   * Writes a batch once more, and what follows it, through another open file. The kernel reports a
   * failed write to one sync of an open file (fsync(2)), so two syncs at a time need two of them.
   *
   * @param position the end of what is proven to be on disk, where the batch begins
   */
  rewrite(batch: Uint8Array, position: ChainPosition): LogFile {
    const written = this.#segmentFor(batch.length, position);
    const file = this.#options.storage.open(segmentName(written.first));
    written.file.close();
    written.file = file;
    file.write(written.end, batch);
    return file;
  }

  /** Returns the place of a batch for which there is room. */
  placeOf(bytes: number, position: ChainPosition): EntryPlace {
    const { first: segment, end: offset } = this.#segmentFor(bytes, position);
    return { sequence: position.sequence, segment, offset };
  }

  /** Moves the end of the written segment on. */
  advance(next: number, bytes: number): void {
    if (this.#written === undefined) return;
    this.#written.next = next;
    this.#written.end += bytes;
  }

  /** Makes sure that there is a segment to write. The storage's errors are thrown. */
  prepare(position: ChainPosition): void {
    this.#written ??= this.#create(position, 0);
  }

  /** Begins a new segment, unless the one that is written has no entry. */
  roll(position: ChainPosition): void {
    const written = this.#written;
    if (written !== undefined && written.next > written.first) this.#begin(position, 0);
  }

  /**
   * Gives up the segment after a failed write or sync: what follows the last batch that is on disk
   * proves nothing (fsync(2)). The next segment begins there and replaces it.
   */
  abandon(): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#written = undefined;
    const { file, ...info } = written;
    // A segment without an entry on disk is replaced by the next one, which has its name.
    if (info.next > info.first) this.#closed.push({ ...info, bytes: file.size() });
    file.close();
  }

  /** @throws {WsctlError} STORAGE_UNAVAILABLE if the entry cannot be read or does not verify */
  read({ sequence, segment, offset }: EntryPlace): string {
    const { path } = this.#options.storage;
    const batch = reading(path, () => this.#withFile(segment, (file) => readBatch(file, offset)));
    const line = batch && linesOf(batch)[sequence - batch.first];
    if (line !== undefined) return line;
    throw entryDamaged(this.#options.storage, segment, offset, sequence);
  }

  /**
   * Reads the batches that end after a sequence and begin before another one, in order, until
   * `onBatch` returns false.
   *
   * @param from the place of an entry that is not after `after`, to read nothing before it
   * @throws {WsctlError} STORAGE_UNAVAILABLE if a segment ends too early
   */
  scan(
    after: number,
    end: number,
    onBatch: (placed: PlacedBatch, segment: number) => boolean,
    from?: EntryPlace,
  ): void {
    for (const { first, next, previous } of this.all) {
      if (next <= after + 1 || first >= end) continue;
      const position = { sequence: first, digest: previous };
      const isWhole = this.#withFile(first, (file) => {
        const offset = from?.segment === first ? batchAt(file, from) : undefined;
        for (const placed of batchesIn(file, position, Math.min(next, end) - 1, offset)) {
          if (position.sequence > after + 1 && !onBatch(placed, first)) return false;
        }
        return true;
      });
      if (!isWhole) return;
      if (position.sequence >= Math.min(next, end)) continue;
      throw entryDamaged(this.#options.storage, first, 0, position.sequence);
    }
  }

  #withFile<T>(segment: number, use: (file: Pick<LogFile, "read">) => T): T {
    if (this.#written?.first === segment) return use(this.#written.file);
    const { storage } = this.#options;
    const file = reading(storage.path, () => openSegment(storage, segment));
    try {
      return use(file);
    } finally {
      file.close();
    }
  }

  /** Returns the oldest segment that can be compressed. The newest one may still be continued. */
  get nextPlain(): SegmentInfo | undefined {
    if (this.#written === undefined || this.#closed.at(-1)?.isCompressed) return undefined;
    return this.#closed.find(({ isCompressed }) => !isCompressed);
  }

  /** A closed segment has another file now. */
  compressed(first: number, bytes: number): void {
    const segment = this.#closed.find((each) => each.first === first);
    if (segment !== undefined) Object.assign(segment, { bytes, isCompressed: true });
  }

  /** Takes the closed segments that end before a sequence out of the set, and returns them. */
  takeBefore(sequence: number): SegmentInfo[] {
    const kept = this.#closed.findIndex(({ next }) => next > sequence);
    return this.#closed.splice(0, kept === -1 ? this.#closed.length : kept);
  }

  close(): void {
    this.#written?.file.close();
    this.#written = undefined;
    this.#spare.close();
  }

  #segmentFor(bytes: number, position: ChainPosition): WrittenSegment {
    const written = this.#written;
    if (written !== undefined && written.end + bytes <= written.bytes) return written;
    return this.#begin(position, bytes);
  }

  #begin(position: ChainPosition, bytes: number): WrittenSegment {
    const next = this.#create(position, bytes);
    this.#giveBackSpace();
    this.abandon();
    this.#written = next;
    return next;
  }

  /** What follows the last batch is not part of the segment, whether it is there or not. */
  #giveBackSpace(): void {
    const before = this.#written;
    if (before === undefined || before.next === before.first) return;
    try {
      before.file.truncate(before.end);
    } catch {} // The file keeps its size, which changes nothing else.
  }

  /** From the moment that a new segment may have its name, the one before it has ended. */
  #name(from: string, name: string): void {
    const { storage } = this.#options;
    try {
      storage.rename(from, name);
      storage.syncNames();
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  #allocate(bytes: number, name: string): { file: LogFile; size: number; from: string } {
    const spare = this.#spare.take(bytes);
    if (spare !== undefined) return spare;
    const from = `${name}${unfinishedSuffix}`;
    const size = Math.max(this.#nextBytes, bytes);
    return { file: this.#options.storage.create(from, size), size, from };
  }

  get #nextBytes(): number {
    const { segmentBytes, wall } = this.#options;
    return nextSegmentBytes(segmentBytes, this.#written ?? this.#closed.at(-1), wall());
  }

  /** The header and the name are on disk before anything is appended. */
  #create({ sequence: first, digest: previous }: ChainPosition, bytes: number): WrittenSegment {
    const { owner, logId, wall } = this.#options;
    const name = segmentName(first);
    const createdAt = Math.max(0, Math.round(wall()));
    const { file, size, from } = this.#allocate(headerBytes + bytes, name);
    try {
      const written = { version: formatVersion, owner: logOwners[owner], logId, createdAt };
      file.write(0, encodeSegmentHeader({ ...written, first, previous }));
      file.sync();
      this.#name(from, name);
    } catch (error) {
      file.close();
      throw error;
    }
    return { first, next: first, bytes: size, previous, createdAt, end: headerBytes, file };
  }
}
