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
  bytes.writeUInt32LE(header.version, 8);
  bytes.writeUInt32LE(header.owner, 12);
  bytes.set(header.logId, 16);
  writeUint64(bytes, header.first, 32);
  bytes.set(header.previous, 40);
  writeUint64(bytes, header.createdAt, 72);
  bytes.writeUInt32LE(crc32c(bytes, 0, headerBytes - 4), headerBytes - 4);
  return bytes;
}

/** Returns the header, or undefined if the bytes are not an intact one. */
export function decodeSegmentHeader(source: Uint8Array): SegmentHeader | undefined {
  if (source.length < headerBytes) return undefined;
  const bytes = view(source);
  if (!bytes.subarray(0, segmentMagic.length).equals(segmentMagic)) return undefined;
  if (bytes.readUInt32LE(headerBytes - 4) !== crc32c(bytes, 0, headerBytes - 4)) return undefined;
  return {
    version: bytes.readUInt32LE(8),
    owner: bytes.readUInt32LE(12),
    logId: bytes.slice(16, 32),
    first: readUint64(bytes, 32),
    previous: bytes.slice(40, 40 + digestBytes),
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
  bytes.writeUInt32LE(batchMagic, 0);
  bytes.writeUInt32LE(length, 4);
  writeUint64(bytes, first, 8);
  bytes.writeUInt32LE(lines.length, 16);
  bytes.write(text, batchHeaderBytes);
  const payload = bytes.subarray(batchHeaderBytes, batchHeaderBytes + length);
  const digest = chain(previous, bytes.subarray(0, 24), payload);
  bytes.set(digest, 24);
  bytes.writeUInt32LE(checksum(bytes, length), 60);
  return { bytes, digest };
}

/**
 * Returns the batch at an offset, or undefined if there is none that is intact. Whether it follows
 * the batch before is for the caller to check, with `isNext`.
 */
export function decodeBatch(source: Uint8Array, offset: number): Batch | undefined {
  const rest = source.length - offset;
  if (rest < batchHeaderBytes) return undefined;
  const bytes = view(source).subarray(offset);
  if (bytes.readUInt32LE(0) !== batchMagic) return undefined;
  const length = bytes.readUInt32LE(4);
  if (length > payloadBytesMax || length > rest - batchHeaderBytes) return undefined;
  if (bytes.readUInt32LE(60) !== checksum(bytes, length)) return undefined;
  return {
    first: readUint64(bytes, 8),
    count: bytes.readUInt32LE(16),
    // A copy, so that a digest that is kept does not keep the whole batch.
    digest: Uint8Array.from(bytes.subarray(24, 24 + digestBytes)),
    payload: bytes.subarray(batchHeaderBytes, batchHeaderBytes + length),
    bytes: align(batchHeaderBytes + length),
  };
}

/** The number of bytes of the batch that a header announces; undefined if it is no header. */
export function announcedBytes(header: Uint8Array): number | undefined {
  if (header.length < batchHeaderBytes) return undefined;
  const bytes = view(header);
  if (bytes.readUInt32LE(0) !== batchMagic) return undefined;
  const length = bytes.readUInt32LE(4);
  return length > payloadBytesMax ? undefined : align(batchHeaderBytes + length);
}

/** Whether a batch continues the chain: its sequence, its digest and its number of entries. */
export function isNext(batch: Batch, sequence: number, previous: Uint8Array): boolean {
  if (batch.first !== sequence || batch.count === 0) return false;
  const header = Buffer.alloc(24);
  header.writeUInt32LE(batchMagic, 0);
  header.writeUInt32LE(batch.payload.length, 4);
  writeUint64(header, batch.first, 8);
  header.writeUInt32LE(batch.count, 16);
  if (!chain(previous, header, batch.payload).equals(batch.digest)) return false;
  return countLines(batch.payload) === batch.count;
}

/** The entries of a batch, without line ends. */
export function linesOf({ payload }: Batch): string[] {
  return view(payload).toString("utf8").slice(0, -1).split("\n");
}

/** Rounds up to where the next batch begins. */
export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

export function toHex(digest: Uint8Array): string {
  return view(digest).toString("hex");
}

function chain(previous: Uint8Array, header: Uint8Array, payload: Uint8Array): Buffer {
  return createHash("sha256").update(previous).update(header).update(payload).digest();
}

/** Covers the header, up to the checksum itself, and the payload. */
function checksum(bytes: Uint8Array, length: number): number {
  const header = crc32c(bytes, 0, batchHeaderBytes - 4);
  return crc32c(bytes, batchHeaderBytes, batchHeaderBytes + length, header);
}

function countLines(payload: Uint8Array): number {
  let count = 0;
  for (const byte of payload) if (byte === 10) count++;
  return payload.at(-1) === 10 ? count : -1;
}

/** `value` is a whole number up to 2^53 - 1. */
export function writeUint64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32LE(value % twoPow32, offset);
  bytes.writeUInt32LE(Math.floor(value / twoPow32), offset + 4);
}

/** Returns a whole number; one above 2^53 - 1 is not exact. */
export function readUint64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * twoPow32;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
