/** The names of a log's files, and what stands in one segment. */
import { join } from "node:path";
import { WsctlError } from "../../protocol/errors.ts";
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
  logOwners,
  type SegmentHeader,
} from "./format.ts";
import type { LogFile, LogStorage } from "./storage.ts";

export const headName = "head";

/** The suffix of a file that is not yet part of the log, which a start removes. */
export const unfinishedSuffix = ".new";

const nameDigits = 16;

/** A position in the chain: the next sequence, and the digest before it. */
export interface ChainPosition {
  sequence: number;
  digest: Uint8Array;
}

/** Returns the name of the segment that begins with a sequence. */
export function segmentName(first: number): string {
  return `${String(first).padStart(nameDigits, "0")}.log`;
}

/** Returns the first sequences of all segments, ascending. */
export function segmentsIn(storage: LogStorage): number[] {
  const found: number[] = [];
  for (const name of storage.list()) {
    const [, digits] = /^(\d{16})\.log$/.exec(name) ?? [];
    if (digits !== undefined) found.push(Number(digits));
  }
  return found.sort((a, b) => a - b);
}

/**
 * Reads the header of a segment.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE if it is damaged, newer, or of another program
 */
export function readHeader(file: LogFile, path: string, owner?: LogOwner): SegmentHeader {
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
 */
export function* batchesIn(
  file: LogFile,
  position: ChainPosition,
  through = Number.POSITIVE_INFINITY,
): Generator<PlacedBatch, number> {
  let offset = headerBytes;
  while (position.sequence <= through) {
    const batch = readBatch(file, offset);
    if (batch === undefined || !isNext(batch, position.sequence, position.digest)) break;
    position.sequence = batch.first + batch.count;
    position.digest = batch.digest;
    yield { batch, offset };
    offset += batch.bytes;
  }
  return offset;
}

/** Returns the batch at an offset, if its checksum matches. */
export function readBatch(file: LogFile, offset: number): Batch | undefined {
  const bytes = announcedBytes(file.read(offset, batchHeaderBytes));
  return bytes === undefined ? undefined : decodeBatch(file.read(offset, bytes), 0);
}

/** @returns the error about one file of a log that cannot be used */
export function refused(path: string, reason: string): WsctlError {
  return new WsctlError("STORAGE_UNAVAILABLE", `Cannot use the log file "${path}": ${reason}`);
}

/** @returns the error about a damaged place in a file of a log */
export function damaged(path: string, offset: number, reason: string): WsctlError {
  return refused(path, `the file is damaged at byte ${offset}: ${reason}. ${restore}`);
}

/** @returns the error about the head of a log in a directory */
export function headDamaged(directory: string, reason: string): WsctlError {
  const text = `${reason}, so it cannot be known whether the log is complete`;
  return refused(join(directory, headName), `${text}. ${restore}`);
}

/** @returns the error about a segment that is not in a directory */
export function missing(directory: string, first: number, last: number): WsctlError {
  const text = `it is missing, with the entries ${first} to ${last}`;
  return refused(join(directory, segmentName(first)), `${text}. ${restore}`);
}

const restore =
  "Restore the log from a backup, or move the directory away to start with an empty log";
