/**
 * What is remembered of what was read of a file, to know a copy of it: rotation by copying and
 * emptying leaves a new file full of lines that were read already.
 */
import type { Bytes } from "./openFile.ts";

const startBytes = 1_024;
const endBytes = 256;
/** A shorter beginning is no evidence. */
const tellingBytes = 64;

export interface FileFingerprint {
  start: Buffer;
  /** What came last before `readTo`. */
  end: Buffer;
  readTo: number;
}

export type FingerprintMatch = "copy" | "growing" | "other";

/** Of a file that was read up to here, by whomever. */
export async function readFingerprint(file: Bytes, readTo: number): Promise<FileFingerprint> {
  const start = await readPart(file, 0, Math.min(readTo, startBytes));
  const from = Math.max(0, readTo - endBytes);
  return { start, end: await readPart(file, from, readTo - from), readTo };
}

/** Pure: with the bytes that were read next. */
export function extendFingerprint(
  { start, end, readTo }: FileFingerprint,
  bytes: Uint8Array,
): FileFingerprint {
  const missing = startBytes - start.length;
  const isOnlyStart = start.length === readTo && missing > 0;
  return {
    start: isOnlyStart ? Buffer.concat([start, bytes.subarray(0, missing)]) : start,
    end: Buffer.concat([end, bytes.subarray(-endBytes)]).subarray(-endBytes),
    readTo: readTo + bytes.length,
  };
}

/** Whether a file has all that was read of another; `growing` while it may come to that. */
export async function compareFingerprints(
  file: Bytes,
  size: number,
  trace: FileFingerprint,
): Promise<FingerprintMatch> {
  const { start, end, readTo } = trace;
  if (start.length < tellingBytes) return "other";
  const begun = await readPart(file, 0, Math.min(size, start.length));
  if (!begun.equals(start.subarray(0, begun.length))) return "other";
  if (size < readTo) return "growing";
  const ended = await readPart(file, readTo - end.length, end.length);
  return ended.equals(end) ? "copy" : "other";
}

async function readPart(file: Bytes, from: number, length: number): Promise<Buffer> {
  const part = Buffer.alloc(length);
  return part.subarray(0, await file.read(part, from));
}
