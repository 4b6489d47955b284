/** Reads a file from start to end, unchanged or decompressed. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { WsctlError } from "../../protocol/errors.ts";
import type { Bytes } from "./openFile.ts";

const chunkBytes = 256 * 1024;

/** The context of a long read: when to stop, and how to report progress. */
export interface ReadContext {
  signal: AbortSignal;
  /** Called with the number of bytes that were read from disk. */
  progress(bytes: number): void;
}

/** Reads from `from` to before `to`. A chunk is valid until the next one is requested. */
export async function* readChunks(
  bytes: Bytes,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(1, to - from)));
  for (let at = from; at < to; ) {
    const length = await bytes.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    // The file was truncated meanwhile.
    if (length === 0) return;
    at += length;
    yield buffer.subarray(0, length);
  }
}

/** Decompresses a gzip file (RFC 1952). Throws if it is damaged or incomplete. */
export async function* unzipped(bytes: Bytes, to: number): AsyncGenerator<Buffer> {
  const zipped = async function* () {
    for (let at = 0; at < to; ) {
      // The stream keeps its input, so each chunk has its own memory.
      const buffer = Buffer.alloc(Math.min(chunkBytes, to - at));
      const length = await bytes.read(buffer, at);
      if (length === 0) return;
      at += length;
      yield buffer.subarray(0, length);
    }
  };
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // The reader below gets any error.
  pipeline(Readable.from(zipped()), gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer>;
}

/**
 * Returns bytes whose reads report progress, and throw after a stop.
 * @throws {WsctlError} STOPPED
 */
export function withContext(bytes: Bytes, { signal, progress }: ReadContext): Bytes {
  return {
    read: async (into, at) => {
      if (signal.aborted) {
        throw new WsctlError("STOPPED", "Stopped before the source was read to its end");
      }
      const length = await bytes.read(into, at);
      progress(length);
      return length;
    },
  };
}
