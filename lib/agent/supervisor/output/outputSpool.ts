/**
 * A program's output on disk for its subscribers: chunks of both streams in order of arrival,
 * numbered from 1, in segments of which only the newest are kept. The supervisor writes them. The
 * agent reads them, also after the program has ended and the agent was replaced.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
  writevSync,
} from "node:fs";
import { join } from "node:path";
import { outputChunkBytesMax, outputChunkCostMin } from "../../../protocol/limits.ts";
import { outputCost } from "../../../protocol/wire/outputCost.ts";
import type { StreamName } from "../../../protocol/wire/outputFrame.ts";

export interface OutputChunk {
  sequence: number;
  stream: StreamName;
  bytes: Buffer;
  /** The number of missing chunks before this one. */
  skipped: number;
}

const segmentBytesMax = 1024 * 1024;
const segmentsMax = 4;
const headerBytes = 8;
const streams: readonly StreamName[] = ["stdout", "stderr"];
const newline = 10;

export class SpoolWriter {
  readonly #dir: string;
  readonly #segments: number[] = [];
  /** The incomplete UTF-8 character at the end of each stream. */
  readonly #rests = new Map<StreamName, Buffer>();
  #fd: number | undefined;
  #bytes = 0;
  #last = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The sequence number of the last chunk. */
  get last(): number {
    return this.#last;
  }

  /** Whether the next segment would delete chunks after this sequence. */
  isFull(after: number): boolean {
    const isFull = this.#bytes >= segmentBytesMax && this.#segments.length >= segmentsMax;
    return isFull && after < (this.#segments[1] ?? 0) - 1;
  }

  /** @param isHeld A subscriber lags behind, so no segment may be deleted for this chunk. */
  add(stream: StreamName, chunk: Buffer, isHeld: boolean): void {
    const rest = this.#rests.get(stream);
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - unfinishedBytes(bytes);
    if (whole < bytes.length) this.#rests.set(stream, Buffer.from(bytes.subarray(whole)));
    else this.#rests.delete(stream);
    this.#write(stream, bytes.subarray(0, whole), isHeld);
  }

  /** Writes incomplete characters as they are, and closes the spool. */
  end(): void {
    for (const [stream, rest] of this.#rests) this.#write(stream, rest, true);
    this.#rests.clear();
    this.#close();
  }

  #write(stream: StreamName, bytes: Buffer, isHeld: boolean): void {
    const parts: Buffer[] = [];
    let count = 0;
    for (let at = 0; at < bytes.length; count++) {
      const length = pieceLength(bytes.subarray(at, at + outputChunkBytesMax + 1));
      const header = Buffer.alloc(headerBytes);
      header.writeUInt32LE(length, 0);
      header.writeUInt8(streams.indexOf(stream), 4);
      parts.push(header, bytes.subarray(at, at + length));
      at += length;
    }
    if (count === 0) return;
    const first = this.#last + 1;
    this.#last += count;
    try {
      this.#append(first, parts, isHeld);
    } catch {
      // The disk is full: these chunks are lost, and the sequence numbers show a gap.
      this.#close();
    }
  }

  #append(first: number, parts: Buffer[], isHeld: boolean): void {
    if (this.#fd === undefined || (this.#bytes >= segmentBytesMax && !isHeld)) {
      this.#close();
      this.#fd = openSync(join(this.#dir, segmentName(first)), "wx", 0o600);
      this.#bytes = 0;
      this.#segments.push(first);
      while (this.#segments.length > segmentsMax) {
        rmSync(join(this.#dir, segmentName(this.#segments.shift() ?? 0)), { force: true });
      }
    }
    this.#bytes += writeParts(this.#fd, parts);
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      if (fd !== undefined) closeSync(fd);
    } catch {
      // The file is closed anyway; the output that did not reach the disk is missing at its end.
    }
  }
}

/** Reads a spool from a sequence on, and continues where the last read ended. */
export class SpoolReader {
  readonly #dir: string;
  /** The segment of the latest chunk, and the offset of the next one in it. */
  #position = { first: 0, offset: 0, sequence: 0 };

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Returns the written chunks after a sequence number, up to a cost of `bytesMax`. */
  read(after: number, bytesMax: number): OutputChunk[] {
    if (after !== this.#position.sequence)
      this.#position = { first: 0, offset: 0, sequence: after };
    const pieces: OutputChunk[] = [];
    let left = bytesMax;
    const firsts = listSegments(this.#dir);
    for (const [index, first] of firsts.entries()) {
      const next = firsts[index + 1] ?? Number.POSITIVE_INFINITY;
      if (next <= after + 1 || left <= 0) continue;
      for (const record of this.#records(first, left)) {
        const { sequence: last } = this.#position;
        this.#position = { first, offset: record.end, sequence: Math.max(last, record.sequence) };
        if (record.sequence <= last) continue;
        const { sequence, stream, bytes } = record;
        pieces.push({ sequence, stream, bytes, skipped: sequence - last - 1 });
        left -= outputCost(bytes.length);
        if (left <= 0) break;
      }
    }
    return pieces;
  }

  /**
   * Reads the records of one segment, up to a cost of `bytesMax`, or all if the position is not
   * known.
   */
  *#records(first: number, bytesMax: number) {
    const isSame = this.#position.first === first;
    let end = isSame ? this.#position.offset : 0;
    let sequence = isSame ? this.#position.sequence + 1 : first;
    const isPlaced = sequence === this.#position.sequence + 1;
    const most = isPlaced ? spooledBytes(bytesMax) : Number.POSITIVE_INFINITY;
    const bytes = readFrom(join(this.#dir, segmentName(first)), end, most);
    for (let at = 0; at + headerBytes <= bytes.length; sequence++) {
      const length = bytes.readUInt32LE(at);
      const stream = streams[bytes.readUInt8(at + 4)] ?? "stdout";
      const next = at + headerBytes + length;
      // The last record may be incomplete, because it is being written.
      if (next > bytes.length) return;
      end += next - at;
      yield { sequence, stream, bytes: bytes.subarray(at + headerBytes, next), end };
      at = next;
    }
  }
}

/** Writes all parts, and returns their size. The system may take only some bytes at a time. */
function writeParts(fd: number, parts: readonly Buffer[]): number {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const written = writevSync(fd, parts);
  if (written < total) {
    const rest = Buffer.concat(parts).subarray(written);
    for (let at = 0; at < rest.length; ) at += writeSync(fd, rest, at);
  }
  return total;
}

function segmentName(first: number): string {
  return `output-${String(first).padStart(12, "0")}`;
}

function listSegments(dir: string): number[] {
  const names = readdirSync(dir).filter((name) => name.startsWith("output-"));
  return names.map((name) => Number(name.slice("output-".length))).sort((a, b) => a - b);
}

/**
 * Returns the largest size on disk of chunks that cost `cost` bytes, including the whole last one.
 */
function spooledBytes(cost: number): number {
  const headers = (cost / outputChunkCostMin + 1) * headerBytes;
  return Math.ceil(cost + headers + outputChunkBytesMax);
}

/** A segment that was deleted meanwhile counts as empty. */
function readFrom(path: string, offset: number, bytesMax: number): Buffer {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const wanted = Math.min(bytesMax, Math.max(0, fstatSync(fd).size - offset));
    const bytes = Buffer.allocUnsafeSlow(wanted);
    return bytes.subarray(0, wanted === 0 ? 0 : readSync(fd, bytes, 0, wanted, offset));
  } finally {
    closeSync(fd);
  }
}

/**
 * Returns the bytes of as many whole lines as fit, otherwise of as many whole characters. `window`
 * has one byte more than fits.
 */
function pieceLength(window: Buffer): number {
  if (window.length <= outputChunkBytesMax) return window.length;
  const line = window.lastIndexOf(newline, outputChunkBytesMax - 1);
  if (line >= 0) return line + 1;
  const cut = window.subarray(0, outputChunkBytesMax);
  return cut.length - unfinishedBytes(cut);
}

/** Returns the number of bytes at the end that begin an incomplete UTF-8 character (RFC 3629). */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return wanted > back ? back : 0;
    }
  }
  return 0;
}
