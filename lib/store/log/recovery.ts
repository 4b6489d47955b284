/**
 * Reads a log at its start. A torn tail (a batch that was being written when the process or the
 * machine stopped) is found and reported. Everything else that does not verify stops the start.
 */
import { join } from "node:path";
import { openSegment, type SegmentFile } from "./compressed/segmentFile.ts";
import {
  alignment,
  announcedBytes,
  batchHeaderBytes,
  decodeBatch,
  firstDigest,
  headerBytes,
  isSame,
  type LogOwner,
} from "./format.ts";
import type { LogHead } from "./head.ts";
import { damaged, missing, refused } from "./logErrors.ts";
import {
  batchesIn,
  type ChainPosition,
  type PlacedBatch,
  readHeader,
  type SegmentInfo,
} from "./segments.ts";
import { fileName, type LogStorage, segmentsIn } from "./storage.ts";

/** One segment as it was found. */
export interface FoundSegment {
  first: number;
  /** The sequence after its last entry. */
  next: number;
  /** The byte after its last batch, in the plain segment. */
  end: number;
  /** The size of the file in bytes. */
  size: number;
  isCompressed?: true;
  /** The digest of the batch before it. */
  previous: Uint8Array;
  /** Milliseconds since 1970. */
  createdAt: number;
}

export function toInfo({ size: bytes, ...segment }: FoundSegment): SegmentInfo {
  return { ...segment, bytes };
}

export interface Recovered {
  logId: Uint8Array;
  segments: FoundSegment[];
  position: ChainPosition;
  /** The number of bytes after the end that belong to no batch; they must be overwritten. */
  tornBytes: number;
  /** Whether the log has the entry `from`, with its digest; true if it was not given. */
  hasFrom: boolean;
}

export interface RecoveryOptions {
  storage: LogStorage;
  owner?: LogOwner;
  head: LogHead | undefined;
  /**
   * The last entry that the caller knows, and the digest of its batch. Segments that end before it
   * are not read.
   */
  from?: { sequence: number; digest: Uint8Array };
  /** Takes each batch that is read, in order. */
  onBatch(placed: PlacedBatch, segment: number): void;
}

/**
 * Verifies the log, from the beginning or from an entry that the caller knows.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with the file, the offset and what can be done
 */
export function recover(options: RecoveryOptions): Recovered | undefined {
  const { storage, head } = options;
  const firsts = segmentsIn(storage);
  const [oldest] = firsts;
  if (oldest === undefined) {
    if (head !== undefined && head.sequence > 0)
      throw missing(storage.path, head.start, head.sequence);
    return undefined;
  }
  if (head !== undefined && oldest > head.start)
    throw missing(storage.path, head.start, oldest - 1);
  const check = new HeadCheck(storage, head);
  const from = options.from ?? { sequence: 0, digest: firstDigest };
  let hasFrom = from.sequence === 0;
  const segments: FoundSegment[] = [];
  let position: ChainPosition | undefined;
  let logId = head?.logId;
  let tornBytes = 0;
  for (const [index, first] of firsts.entries()) {
    const file = openSegment(storage, first);
    const { path } = file;
    const found = file.isCompressed ? ({ isCompressed: true } as const) : {};
    try {
      const header = readHeader(file, path, options.owner);
      if (header.first !== first) throw damaged(path, 32, `it begins with ${header.first}`);
      logId ??= header.logId;
      if (!isSame(header.logId, logId)) throw refused(path, otherLog);
      position ??= { sequence: first, digest: header.previous };
      if (position.sequence !== first) throw missing(storage.path, position.sequence, first - 1);
      if (!isSame(position.digest, header.previous)) {
        throw damaged(path, 40, "it does not continue the segment before it");
      }
      if (first === 1 && !isSame(header.previous, firstDigest)) {
        throw damaged(path, 40, "the first segment names a segment before it");
      }
      const through = (firsts[index + 1] ?? Number.POSITIVE_INFINITY) - 1;
      const { previous, createdAt } = header;
      const about = { size: file.diskBytes, previous, createdAt, ...found };
      if (through < from.sequence) {
        segments.push({ first, next: through + 1, end: file.size(), ...about });
        position = undefined;
        continue;
      }
      const isAtFrom = () => position?.sequence === from.sequence + 1;
      hasFrom ||= isAtFrom() && isSame(previous, from.digest);
      const end = readAll(options, file, first, position, through, (placed) => {
        check.passed(placed, first);
        hasFrom ||= isAtFrom() && isSame(placed.batch.digest, from.digest);
      });
      segments.push({ first, next: position.sequence, end, ...about });
      if (index < firsts.length - 1) {
        if (position.sequence <= through) {
          throw damaged(path, end, `entry ${position.sequence} is missing or damaged`);
        }
      } else tornBytes = judgeTail(file, end, position);
    } finally {
      file.close();
    }
  }
  if (position === undefined || logId === undefined) return undefined;
  check.finish(position, segments);
  return { logId, segments, position, tornBytes, hasFrom };
}

const otherLog =
  "it belongs to another log. Move back what is missing here, or restore the log from a backup";

function readAll(
  options: RecoveryOptions,
  file: SegmentFile,
  segment: number,
  position: ChainPosition,
  through: number,
  passed: (placed: PlacedBatch) => void,
): number {
  const batches = batchesIn(file, position, through);
  for (;;) {
    const step = batches.next();
    if (step.done) return step.value;
    passed(step.value);
    options.onBatch(step.value, segment);
  }
}

/**
 * Returns how many bytes after the end are not zero, up to the last one: what an interrupted write
 * left. A batch that verifies behind them proves that they are not a torn tail but damage.
 */
function judgeTail(file: SegmentFile, end: number, { sequence }: ChainPosition): number {
  const rest = file.read(end, Math.max(0, file.size() - end));
  let torn = rest.length;
  while (torn > 0 && rest[torn - 1] === 0) torn--;
  for (let at = alignment; at < torn; at += alignment) {
    const announced = announcedBytes(rest.subarray(at, at + batchHeaderBytes));
    if (announced === undefined) continue;
    const batch = decodeBatch(rest, at);
    if (batch === undefined || batch.first <= sequence) continue;
    throw damaged(
      file.path,
      end,
      `entry ${sequence} is damaged, and entry ${batch.first} follows it`,
    );
  }
  return torn;
}

/** Compares the log with its head. */
class HeadCheck {
  readonly #storage: LogStorage;
  readonly #head: LogHead | undefined;

  constructor(storage: LogStorage, head: LogHead | undefined) {
    this.#storage = storage;
    this.#head = head;
  }

  passed({ batch, offset }: PlacedBatch, segment: number): void {
    const head = this.#head;
    if (head === undefined || batch.first + batch.count - 1 !== head.sequence) return;
    if (isSame(batch.digest, head.digest)) return;
    const path = join(this.#storage.path, fileName(this.#storage, segment));
    throw damaged(path, offset, `entry ${head.sequence} is not the one that was on disk before`);
  }

  finish({ sequence }: ChainPosition, segments: readonly FoundSegment[]): void {
    const head = this.#head;
    if (head === undefined || sequence > head.sequence) return;
    const last = segments.at(-1);
    const path = join(this.#storage.path, fileName(this.#storage, last?.first ?? 1));
    const entries = `entries ${sequence} to ${head.sequence}, which were on disk before,`;
    throw damaged(path, last?.end ?? headerBytes, `${entries} are missing or damaged`);
  }
}
