/** Files as transfers need them: summed, read and written piece by piece, and brought to disk. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

export interface FileDigest {
  bytes: number;
  sha256: string;
}

const chunkBytes = 256 * 1024;

/** The pieces of a file from one place up to another, or to its end. */
export async function* readChunks(
  path: string,
  start = 0,
  end = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const file = await open(path, "r");
  try {
    for (let at = start; at < end; ) {
      const wanted = Math.min(chunkBytes, end - at);
      const { bytesRead, buffer } = await file.read(new Uint8Array(wanted), 0, wanted, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

export async function digestFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of readChunks(path)) {
    signal?.throwIfAborted();
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** The name of a file is on disk when its directory is. */
export async function syncParentDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
