/**
 * The fingerprint of the part of a file that was read, to recognize a copy of it. Rotation by copy
 * and truncate (logrotate's `copytruncate`) creates a new file whose lines were already read.
 */
import type { Bytes } from "./openFile.ts";

const startBytes = 1_024;
const endBytes = 256;
/** A shorter beginning is not sufficient to recognize a copy. */
const tellingBytes = 64;

export interface FileFingerprint {
  start: Buffer;
  /** The last bytes before `readTo`. */
  end: Buffer;
  readTo: number;
}

export type FingerprintMatch = "copy" | "growing" | "other";

/** Returns the fingerprint of a file that was read up to `readTo`. */
export async function readFingerprint(file: Bytes, readTo: number): Promise<FileFingerprint> {
  const start = await readPart(file, 0, Math.min(readTo, startBytes));
  const from = Math.max(0, readTo - endBytes);
  return { start, end: await readPart(file, from, readTo - from), readTo };
}

/** Returns the fingerprint after further bytes were read. Pure. */
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

/** Whether a file contains everything that was read of another; `growing` if it may do so later. */
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
