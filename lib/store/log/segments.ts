/** What stands in one segment: its header, and the batches that continue the chain. */
import {
  announcedBytes,
  type Batch,
  batchHeaderBytes,
  decodeBatch,
  decodeSegmentHeader,
  formatVersion,
  headerBytes,
  isNext,
  type LogOwner,
  linesOf,
  logOwners,
  type SegmentHeader,
} from "./format.ts";
import { damaged, refused } from "./logErrors.ts";
import type { LogFile } from "./storage.ts";

export interface SegmentInfo {
  /** The sequence of the first entry. */
  first: number;
  /** The sequence after the last entry. */
  next: number;
  /** The size of the file. */
  bytes: number;
  /** Where the last batch ends, in the plain segment. */
  end: number;
  isCompressed?: true;
  /** The digest of the batch before it. */
  previous: Uint8Array;
  /** When it was begun, in milliseconds since 1970. */
  createdAt: number;
}

/**
 * The size of the first segment, and the largest one. One of twice the size follows a segment that
 * was filled quickly. A larger batch gets a segment of its own size.
 */
export interface SegmentBytes {
  first: number;
  max: number;
}

/** A segment that was filled within this time was filled quickly, in milliseconds. */
const quicklyMs = 60_000;

/** Returns the size of the segment that follows another one. */
export function nextSegmentBytes(
  { first, max }: SegmentBytes,
  before: SegmentInfo | undefined,
  now: number,
): number {
  const isQuick = before !== undefined && now - before.createdAt < quicklyMs;
  const bytes = isQuick ? Math.max(before.bytes, before.end) * 2 : first;
  return Math.min(Math.max(bytes, first), max);
}

/** A file of which only bytes are read. */
type Readable = Pick<LogFile, "read">;

/** A position in the chain: the next sequence, and the digest before it. */
export interface ChainPosition {
  sequence: number;
  digest: Uint8Array;
}

/**
 * Reads the header of a segment.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE if it is damaged, newer, or of another program
 */
export function readHeader(file: Readable, path: string, owner?: LogOwner): SegmentHeader {
  const header = decodeSegmentHeader(file.read(0, headerBytes));
  if (header === undefined) throw damaged(path, 0, "its header does not verify");
  const { version } = header;
  if (version > formatVersion) {
    const text = `it was written by a newer wsctl (format ${version}; this version supports ${formatVersion})`;
    throw refused(path, `${text}. Run that version`);
  }
  if (owner !== undefined && header.owner !== logOwners[owner]) {
    const names = Object.entries(logOwners);
    const other = names.find(([, value]) => value === header.owner)?.[0] ?? "another program";
    const whose = other === "controlPlane" ? "a control plane" : `an ${other}`;
    throw refused(path, `it is the log of ${whose}. Specify another data directory`);
  }
  return header;
}

/** One intact batch, and where it stands. */
export interface PlacedBatch {
  batch: Batch;
  /** Bytes from the beginning of the segment. */
  offset: number;
}

/**
 * Yields the batches that continue the chain, and stops at the first place that has none. The
 * position is moved on with each batch. The bytes of the file are read in one piece for each batch.
 *
 * @param through the last sequence that belongs to this segment
 * @param from the offset of the first batch to read, whose link to the one before it is not checked
 */
export function* batchesIn(
  file: Readable,
  position: ChainPosition,
  through = Number.POSITIVE_INFINITY,
  from?: number,
): Generator<PlacedBatch, number> {
  let offset = from ?? headerBytes;
  while (position.sequence <= through) {
    const batch = readBatch(file, offset);
    if (batch === undefined) break;
    if (offset !== from && !isNext(batch, position.sequence, position.digest)) break;
    position.sequence = batch.first + batch.count;
    position.digest = batch.digest;
    yield { batch, offset };
    offset += batch.bytes;
  }
  return offset;
}

/** Returns the batch at an offset, if its checksum matches. */
export function readBatch(file: Readable, offset: number): Batch | undefined {
  const bytes = announcedBytes(file.read(offset, batchHeaderBytes));
  return bytes === undefined ? undefined : decodeBatch(file.read(offset, bytes), 0);
}

/** Where an entry stands. */
export interface EntryPlace {
  sequence: number;
  /** The first sequence of its segment. */
  segment: number;
  /** Where its batch begins in the segment, in bytes. */
  offset: number;
}

export interface LogEntry extends EntryPlace {
  /** The JSON text of the entry. */
  line: string;
  /** The digest of its batch. */
  digest: Uint8Array;
  /** Whether it is the last entry of its batch, so that `digest` covers nothing after it. */
  isLast: boolean;
}

/** An entry, and the digest of the batch that it ends. */
export interface ChainEnd {
  sequence: number;
  digest: Uint8Array;
}

/** The bytes of a batch that continues the chain. */
export interface EncodedBatch {
  bytes: Uint8Array;
  digest: Uint8Array;
  /** The number of its entries. */
  count: number;
}

/** A batch that was appended. */
export interface Appended {
  /** The place of the first entry; the others have the sequences that follow. */
  place: EntryPlace;
  /** Whether the batch is on disk. If not, `done` is called later. */
  isDurable: boolean;
}

/** A batch that is on disk, with durations in milliseconds. */
export interface DurableBatch {
  entries: number;
  appendMs: number;
  syncMs: number;
}

/** Hands on the entries of a batch that follow a sequence. */
export function deliver(
  { batch, offset }: PlacedBatch,
  segment: number,
  after: number,
  onEntry: (entry: LogEntry) => void,
): void {
  let sequence = batch.first;
  for (const line of linesOf(batch)) {
    const isLast = sequence === batch.first + batch.count - 1;
    const { digest } = batch;
    if (sequence > after) onEntry({ sequence, segment, offset, line, digest, isLast });
    sequence++;
  }
}

/** Returns the offset of the batch that begins with an entry, if it is there. */
export function batchAt(file: Readable, { offset, sequence }: EntryPlace): number | undefined {
  return readBatch(file, offset)?.first === sequence ? offset : undefined;
}
