/** Reads the size and hash of a release's files and compares them with a manifest. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../protocol/errors.ts";
import type { ReleaseFile } from "./manifest.ts";

const chunkBytes = 1024 * 1024;

export type FileInfo = Pick<ReleaseFile, "bytes" | "sha256">;

/** @throws {Error} The reason: that of the operating system, or that it is no regular file. */
export function readFileInfo(path: string): FileInfo {
  // A pipe would be waited for when it is opened.
  if (!statSync(path).isFile()) throw new Error("it is not a regular file");
  const fd = openSync(path, "r");
  try {
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

/** Returns why the file in this directory differs from the manifest; undefined if it matches. */
export function checkFile(dir: string, { name, bytes, sha256 }: ReleaseFile): string | undefined {
  let facts: FileInfo;
  try {
    facts = readFileInfo(join(dir, name));
  } catch (error) {
    return `cannot read ${name}: ${errorText(error)}`;
  }
  if (facts.bytes !== bytes) return `${name} has ${facts.bytes} bytes; expected ${bytes}`;
  if (facts.sha256 === sha256) return undefined;
  return `${name} has the SHA-256 ${facts.sha256}; expected ${sha256}`;
}
