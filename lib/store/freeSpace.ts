/** The space on a disk. */
import { statfsSync } from "node:fs";

/** Bytes that this user may still write. @throws the error of the operating system */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Whether fewer bytes are left; false where that cannot be known. */
export function isShortOf(bytes: number, path: string): boolean {
  try {
    return freeBytesAt(path) < bytes;
  } catch {
    return false;
  }
}
