/** The segments of a log that is open for writing: one that is written, and the closed ones. */
import { join } from "node:path";
import {
  encodeSegmentHeader,
  formatVersion,
  headerBytes,
  type LogOwner,
  linesOf,
  logOwners,
} from "./format.ts";
import { damaged } from "./logErrors.ts";
import { segmentName, unfinishedSuffix } from "./names.ts";
import type { FoundSegment } from "./recovery.ts";
import { type ChainPosition, readBatch } from "./segments.ts";
import type { LogFile, LogStorage } from "./storage.ts";

export interface SegmentInfo {
  /** The sequence of the first entry. */
  first: number;
  /** The sequence after the last entry. */
  next: number;
  /** The size of the file. */
  bytes: number;
  /** The digest of the batch before it. */
  previous: Uint8Array;
  /** When it was begun, in milliseconds since 1970. */
  createdAt: number;
}

/** Where an entry stands. */
export interface EntryPlace {
  sequence: number;
  /** The first sequence of its segment. */
  segment: number;
  /** Where its batch begins in the segment, in bytes. */
  offset: number;
}

interface WrittenSegment extends SegmentInfo {
  file: LogFile;
  /** Where the next batch goes, in bytes. */
  end: number;
}

export interface SegmentSetOptions {
  storage: LogStorage;
  owner: LogOwner;
  /** The size of a segment; a larger batch gets a segment of its own size. */
  segmentBytes: number;
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

  /** @param tornBytes the bytes after the last batch that are overwritten with zeros */
  constructor(options: SegmentSetOptions, found: readonly FoundSegment[], tornBytes: number) {
    this.#options = options;
    this.#closed = found.slice(0, -1).map(toInfo);
    const last = found.at(-1);
    if (last === undefined) return;
    const file = options.storage.open(segmentName(last.first));
    this.#written = { ...toInfo(last), end: last.end, file };
    if (tornBytes === 0) return;
    file.write(last.end, new Uint8Array(tornBytes));
    file.sync();
  }

  /** All segments, oldest first. */
  get all(): readonly SegmentInfo[] {
    if (this.#written === undefined) return this.#closed;
    const { file: _, end: __, ...info } = this.#written;
    return [...this.#closed, info];
  }

  get isWritable(): boolean {
    return this.#written !== undefined;
  }

  /**
   * Writes a batch into the segment that is written, or into a new one if it does not fit. It is
   * on disk after `file.sync`.
   *
   * @param position the end of what is proven to be on disk, where the batch begins
   */
  write(batch: Uint8Array, position: ChainPosition): { file: LogFile; place: EntryPlace } {
    const written = this.#segmentFor(batch.length, position);
    written.file.write(written.end, batch);
    const place = { sequence: position.sequence, segment: written.first, offset: written.end };
    return { file: written.file, place };
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
   * Gives up the segment after a failed write or sync: the kernel may have dropped its pages, so
   * what follows the last batch that is on disk proves nothing (fsync(2)). The next segment begins
   * there and replaces it.
   */
  abandon(): void {
    const written = this.#written;
    if (written === undefined) return;
    this.#written = undefined;
    const { file, end: _, ...info } = written;
    const bytes = file.size();
    file.close();
    // A segment without an entry on disk is replaced by the next one, which has its name.
    if (info.next > info.first) this.#closed.push({ ...info, bytes });
  }

  /** @throws {WsctlError} STORAGE_UNAVAILABLE if the entry does not verify */
  read({ sequence, segment, offset }: EntryPlace): string {
    const { storage } = this.#options;
    const name = segmentName(segment);
    const isWritten = this.#written?.first === segment;
    const file = isWritten && this.#written ? this.#written.file : storage.open(name);
    try {
      const batch = readBatch(file, offset);
      const line = batch && linesOf(batch)[sequence - batch.first];
      if (line !== undefined) return line;
      throw damaged(join(storage.path, name), offset, `entry ${sequence} does not verify`);
    } finally {
      if (!isWritten) file.close();
    }
  }

  /** Takes the closed segments that end before a sequence out of the set, and returns them. */
  takeBefore(sequence: number): SegmentInfo[] {
    const kept = this.#closed.findIndex(({ next }) => next > sequence);
    return this.#closed.splice(0, kept === -1 ? this.#closed.length : kept);
  }

  close(): void {
    this.#written?.file.close();
    this.#written = undefined;
  }

  #segmentFor(bytes: number, position: ChainPosition): WrittenSegment {
    const written = this.#written;
    if (written !== undefined && written.end + bytes <= written.bytes) return written;
    return this.#begin(position, bytes);
  }

  #begin(position: ChainPosition, bytes: number): WrittenSegment {
    const next = this.#create(position, bytes);
    const before = this.#written;
    // What follows the last batch is not part of the segment, whether it is there or not.
    if (before !== undefined && before.next > before.first) before.file.truncate(before.end);
    this.abandon();
    this.#written = next;
    return next;
  }

  /** The header and the name are on disk before anything is appended. */
  #create({ sequence: first, digest: previous }: ChainPosition, bytes: number): WrittenSegment {
    const { storage, owner, segmentBytes, logId, wall } = this.#options;
    const size = Math.max(segmentBytes, headerBytes + bytes);
    const name = segmentName(first);
    const createdAt = Math.max(0, Math.round(wall()));
    const file = storage.create(`${name}${unfinishedSuffix}`, size);
    try {
      const written = { version: formatVersion, owner: logOwners[owner], logId, createdAt };
      file.write(0, encodeSegmentHeader({ ...written, first, previous }));
      file.sync();
      storage.rename(`${name}${unfinishedSuffix}`, name);
      storage.syncNames();
    } catch (error) {
      file.close();
      throw error;
    }
    return { first, next: first, bytes: size, previous, createdAt, end: headerBytes, file };
  }
}

function toInfo({ first, next, size: bytes, previous, createdAt }: FoundSegment): SegmentInfo {
  return { first, next, bytes, previous, createdAt };
}
