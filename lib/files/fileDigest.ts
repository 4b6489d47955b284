/** Files read piece by piece, in constant memory. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

export interface FileDigest {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

const chunkBytes = 256 * 1024;

/** The pieces of a file from byte `start` up to, but not including, `end`, or to its end. */
export async function* readChunks(
  path: string,
  start = 0,
  end = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const file = await open(path, "r");
  try {
    for (let at = start; at < end; ) {
      const length = Math.min(chunkBytes, end - at);
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** @throws the reason of `signal` when it is aborted */
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
