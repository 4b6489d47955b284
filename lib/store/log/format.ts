/**
 * The bytes of a log: segment headers and batches, as `docs/reference/log-format.md` describes
 * them. All integers are little-endian. Nothing here reads or writes a file.
 */
import { createHash } from "node:crypto";
import { crc32c } from "./crc32c.ts";

/** The version of the format that this code writes, and the newest that it reads. */
export const formatVersion = 1;

export const headerBytes = 96;
export const batchHeaderBytes = 64;
/** Batches begin at multiples of this number of bytes. */
export const alignment = 8;
export const digestBytes = 32;
/** The part of a batch's header that its digest covers. */
const chainedHeaderBytes = 24;

/** The largest payload of one batch, which a reader checks before it allocates memory. */
const payloadBytesMax = 256 * 1024 * 1024;

/** Whose log it is, so that one program never opens the log of another. */
export const logOwners = { controlPlane: 1, agent: 2 } as const;
export type LogOwner = keyof typeof logOwners;

const segmentMagic = Buffer.from("wsctlLOG", "latin1");
const batchMagic = 0x424c57b5;

const twoPow32 = 0x1_0000_0000;

/** The digest before the first batch of a log. */
export const firstDigest: Uint8Array = new Uint8Array(digestBytes);

export interface SegmentHeader {
  version: number;
  /** A number of `logOwners`, or one that this version does not know. */
  owner: number;
  /** 16 random bytes that all segments of one log share. */
  logId: Uint8Array;
  /** The sequence of the segment's first entry. */
  first: number;
  /** The digest of the batch before this segment. */
  previous: Uint8Array;
  /** Milliseconds since 1970. */
  createdAt: number;
}

export interface Batch {
  /** The sequence of the first entry. */
  first: number;
  /** The number of entries. */
  count: number;
  /** SHA-256 over the digest before, the first 24 bytes of the header, and the payload. */
  digest: Uint8Array;
  /** The entries: one JSON object a line. */
  payload: Uint8Array;
  /** The number of bytes that the batch takes in the segment, with padding. */
  bytes: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(headerBytes);
  segmentMagic.copy(bytes);
  writeUint32(bytes, header.version, 8);
  writeUint32(bytes, header.owner, 12);
  bytes.set(header.logId, 16);
  writeUint64(bytes, header.first, 32);
  bytes.set(header.previous, 40);
  writeUint64(bytes, header.createdAt, 72);
  writeUint32(bytes, crc32c(bytes, 0, headerBytes - 4), headerBytes - 4);
  return bytes;
}

/** Returns the header, or undefined if the bytes are not an intact one. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < headerBytes) return undefined;
  if (segmentMagic.some((byte, at) => bytes[at] !== byte)) return undefined;
  if (readUint32(bytes, headerBytes - 4) !== crc32c(bytes, 0, headerBytes - 4)) return undefined;
  return {
    version: readUint32(bytes, 8),
    owner: readUint32(bytes, 12),
    logId: copyOf(bytes, 16, 16),
    first: readUint64(bytes, 32),
    previous: copyOf(bytes, 40, digestBytes),
    createdAt: readUint64(bytes, 72),
  };
}

/**
 * Encodes entries as one batch.
 *
 * @param lines one JSON text for each entry, without a line end
 * @param previous the digest of the batch before
 */
export function encodeBatch(
  lines: readonly string[],
  first: number,
  previous: Uint8Array,
): { bytes: Uint8Array; digest: Uint8Array } {
  const text = `${lines.join("\n")}\n`;
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(align(batchHeaderBytes + length));
  writeBatchHeader(bytes, length, first, lines.length);
  bytes.write(text, batchHeaderBytes);
  const digest = chain(previous, length, first, lines.length, text);
  bytes.set(digest, chainedHeaderBytes);
  writeUint32(bytes, checksum(bytes, 0, length), 60);
  return { bytes, digest };
}

/**
 * Returns the batch at an offset, or undefined if there is none that is intact. Whether it follows
 * the batch before is for the caller to check, with `isNext`.
 */
export function decodeBatch(bytes: Uint8Array, offset: number): Batch | undefined {
  const rest = bytes.length - offset;
  if (rest < batchHeaderBytes || readUint32(bytes, offset) !== batchMagic) return undefined;
  const length = readUint32(bytes, offset + 4);
  if (length > payloadBytesMax || length > rest - batchHeaderBytes) return undefined;
  if (readUint32(bytes, offset + 60) !== checksum(bytes, offset, length)) return undefined;
  const start = offset + batchHeaderBytes;
  return {
    first: readUint64(bytes, offset + 8),
    count: readUint32(bytes, offset + 16),
    // A copy, so that a digest that is kept does not keep the whole batch.
    digest: copyOf(bytes, offset + chainedHeaderBytes, digestBytes),
    payload: bytes.subarray(start, start + length),
    bytes: align(batchHeaderBytes + length),
  };
}

/** The number of bytes of the batch that a header announces; undefined if it is no header. */
export function announcedBytes(header: Uint8Array): number | undefined {
  if (header.length < batchHeaderBytes || readUint32(header, 0) !== batchMagic) return undefined;
  const length = readUint32(header, 4);
  return length > payloadBytesMax ? undefined : align(batchHeaderBytes + length);
}

/** Whether a batch continues the chain: its sequence, its digest and its number of entries. */
export function isNext(batch: Batch, sequence: number, previous: Uint8Array): boolean {
  if (batch.first !== sequence || batch.count === 0) return false;
  const { first, count, payload, digest } = batch;
  if (!isSame(chain(previous, payload.length, first, count, payload), digest)) return false;
  return countLines(payload) === count;
}

/** The entries of a batch, without line ends. */
export function linesOf({ payload }: Batch): string[] {
  const text = view(payload).toString("utf8", 0, payload.length - 1);
  return text.split("\n");
}

/** Rounds up to where the next batch begins. */
export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

export function toHex(digest: Uint8Array): string {
  return view(digest).toString("hex");
}

/** Whether two digests, or two ids of logs, are the same. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** Filled and used by one call of `chain` at a time. */
const chained = Buffer.alloc(chainedHeaderBytes);

function chain(
  previous: Uint8Array,
  length: number,
  first: number,
  count: number,
  payload: Uint8Array | string,
): Buffer {
  writeBatchHeader(chained, length, first, count);
  return createHash("sha256").update(previous).update(chained).update(payload).digest();
}

function writeBatchHeader(bytes: Buffer, length: number, first: number, count: number): void {
  writeUint32(bytes, batchMagic, 0);
  writeUint32(bytes, length, 4);
  writeUint64(bytes, first, 8);
  writeUint32(bytes, count, 16);
}

/** Covers the header, up to the checksum itself, and the payload. */
function checksum(bytes: Uint8Array, offset: number, length: number): number {
  const header = crc32c(bytes, offset, offset + batchHeaderBytes - 4);
  const start = offset + batchHeaderBytes;
  return crc32c(bytes, start, start + length, header);
}

function countLines(payload: Uint8Array): number {
  let count = 0;
  for (let at = payload.indexOf(10); at !== -1; at = payload.indexOf(10, at + 1)) count++;
  return payload.at(-1) === 10 ? count : -1;
}

// The methods of Buffer make a DataView for each buffer, which costs more than the rest of a batch.

export function writeUint32(bytes: Uint8Array, value: number, offset: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  const low =
    (bytes[offset] as number) |
    ((bytes[offset + 1] as number) << 8) |
    ((bytes[offset + 2] as number) << 16) |
    ((bytes[offset + 3] as number) << 24);
  return low >>> 0;
}

/** `value` is a whole number up to 2^53 - 1. */
export function writeUint64(bytes: Uint8Array, value: number, offset: number): void {
  writeUint32(bytes, value % twoPow32, offset);
  writeUint32(bytes, Math.floor(value / twoPow32), offset + 4);
}

/** Returns a whole number; one above 2^53 - 1 is not exact. */
export function readUint64(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) + readUint32(bytes, offset + 4) * twoPow32;
}

function copyOf(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  for (let at = 0; at < length; at++) copy[at] = bytes[offset + at] as number;
  return copy;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
