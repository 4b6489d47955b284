/** Reads a log that another process may be writing, and changes nothing. */
import { WsctlError } from "../../protocol/errors.ts";
import { openSegment } from "./compressed/segmentFile.ts";
import { readOnlyStorage } from "./fileStorage.ts";
import { decodeSegmentHeader, formatVersion, headerBytes, linesOf, toHex } from "./format.ts";
import { HeadFile, type LogHead } from "./head.ts";
import { headDamaged, missing } from "./logErrors.ts";
import { type FoundSegment, recover } from "./recovery.ts";
import { headName, type LogStorage, segmentsIn } from "./storage.ts";

/** An entry with the digest of its batch. */
export interface ReadEntry {
  sequence: number;
  /** The JSON text of the entry. */
  line: string;
  /** SHA-256, in hexadecimal, of the batch that contains the entry. */
  digest: string;
  /** Whether the entry is the last one of its batch, so that `digest` covers nothing after it. */
  isLast: boolean;
}

export interface LogReport {
  /** Whose log it is, as in `logOwners`. */
  owner: number;
  /** In hexadecimal. */
  logId: string;
  segments: FoundSegment[];
  /** The last entry before the first one that is there, and the digest of its batch. */
  start: { sequence: number; digest: string };
  /** The last entry, and the digest of its batch. */
  head: { sequence: number; digest: string };
  /** What follows the last batch: the rest of a write that was interrupted or is going on. */
  tornBytes: number;
}

/**
 * Reads and verifies a whole log.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is wrong with the log
 */
export function readLog(path: string, onEntry: (entry: ReadEntry) => void): LogReport {
  const storage = readOnlyStorage(path);
  const head = readHeadOf(storage);
  const found = recover({
    storage,
    head,
    onBatch: ({ batch }) => {
      const digest = toHex(batch.digest);
      for (const [index, line] of linesOf(batch).entries()) {
        const isLast = index === batch.count - 1;
        onEntry({ sequence: batch.first + index, line, digest, isLast });
      }
    },
  });
  const [oldest] = found?.segments ?? [];
  if (found === undefined || oldest === undefined) throw missing(path, 1, head.sequence);
  return {
    owner: headerOf(storage, oldest.first)?.owner ?? 0,
    logId: toHex(found.logId),
    segments: found.segments,
    start: { sequence: oldest.first - 1, digest: toHex(oldest.previous) },
    head: { sequence: found.position.sequence - 1, digest: toHex(found.position.digest) },
    tornBytes: found.tornBytes,
  };
}

/** Whether all segments of a log have a format that this version reads. */
export function isReadable(path: string): boolean {
  const storage = readOnlyStorage(path);
  return segmentsIn(storage).every((first) => {
    const version = headerOf(storage, first)?.version;
    return version !== undefined && version <= formatVersion;
  });
}

function readHeadOf(storage: LogStorage): LogHead {
  const file = new HeadFile(storage);
  const head = file.read();
  if (head !== undefined) return head;
  if (!file.isPresent && segmentsIn(storage).length === 0) {
    const advice = 'Specify the directory of a log, such as "log" in a data directory';
    throw new WsctlError("USAGE", `Cannot read "${storage.path}": it has no log. ${advice}`);
  }
  throw headDamaged(storage.path, file.isPresent ? "it does not verify" : "it is missing");
}

/** Returns whose log it is, as in `logOwners`: 0 if it is damaged, undefined if there is none. */
export function ownerOfLog(path: string): number | undefined {
  const storage = readOnlyStorage(path);
  const [oldest] = segmentsIn(storage);
  if (oldest !== undefined) return headerOf(storage, oldest)?.owner ?? 0;
  return storage.list().includes(headName) ? 0 : undefined;
}

function headerOf(storage: LogStorage, first: number) {
  const file = openSegment(storage, first);
  try {
    return decodeSegmentHeader(file.read(0, headerBytes));
  } finally {
    file.close();
  }
}
