/** The files of a release on disk: what they are, and whether they are what a manifest says. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../protocol/errors.ts";
import type { ReleaseFile } from "./manifest.ts";

const chunkBytes = 1024 * 1024;

export type FileInfo = Pick<ReleaseFile, "bytes" | "sha256">;

/** Throws what the system says against reading it. */
export function readFileInfo(path: string): FileInfo {
  const fd = openSync(path, "r");
  try {
    if (!fstatSync(fd).isFile()) throw new Error("is no regular file");
    const hash = createHash("sha256");
    const chunk = Buffer.alloc(chunkBytes);
    let bytes = 0;
    for (;;) {
      const length = readSync(fd, chunk, 0, chunk.length, null);
      if (length === 0) return { bytes, sha256: hash.digest("hex") };
      hash.update(chunk.subarray(0, length));
      bytes += length;
    }
  } finally {
    closeSync(fd);
  }
}

/** Why the file in this directory is not what the manifest names; undefined where it is. */
export function checkFile(dir: string, { name, bytes, sha256 }: ReleaseFile): string | undefined {
  let facts: FileInfo;
  try {
    facts = readFileInfo(join(dir, name));
  } catch (error) {
    return `${name} cannot be read: ${errorText(error)}`;
  }
  if (facts.bytes !== bytes) return `${name} has ${facts.bytes} bytes, and not ${bytes}`;
  if (facts.sha256 === sha256) return undefined;
  return `${name} has the hash ${facts.sha256}, and not ${sha256}`;
}
