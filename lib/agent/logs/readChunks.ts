/** A file's bytes from front to back, as they are or decompressed. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { WsctlError } from "../../protocol/errors.ts";
import type { Bytes } from "./openFile.ts";

const chunkBytes = 256 * 1024;

/** What can go on until it is told to stop, and say how far it is. */
export interface ReadContext {
  signal: AbortSignal;
  /** So many bytes were read from disk. */
  progress(bytes: number): void;
}

/** Everything from `from` to before `to`. A chunk is valid until the next one is asked for. */
export async function* readChunks(
  bytes: Bytes,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(1, to - from)));
  for (let at = from; at < to; ) {
    const length = await bytes.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    // It was cut short meanwhile.
    if (length === 0) return;
    at += length;
    yield buffer.subarray(0, length);
  }
}

/** A gzip file, decompressed; throws where it is damaged or not complete. */
export async function* unzipped(bytes: Bytes, to: number): AsyncGenerator<Buffer> {
  const zipped = async function* () {
    for (let at = 0; at < to; ) {
      // The stream keeps what it is given, so each chunk has memory of its own.
      const buffer = Buffer.alloc(Math.min(chunkBytes, to - at));
      const length = await bytes.read(buffer, at);
      if (length === 0) return;
      at += length;
      yield buffer.subarray(0, length);
    }
  };
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // Whatever goes wrong is thrown to whoever reads, below.
  pipeline(Readable.from(zipped()), gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer>;
}

/** Each read says how far it is, and throws once it is told to stop. */
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
