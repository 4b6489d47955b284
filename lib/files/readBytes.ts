/** Reads files, pipes and devices to their end or to a limit, as bytes. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";

export interface ReadBytesOptions {
  /** The limit, in bytes. */
  bytesMax: number;
  /** Checks the opened file before it is read, and throws if it must not be used. */
  check?: ((stats: Stats) => void) | undefined;
}

/** @throws {Error} The reason: the error of the operating system, or what is wrong with the file. */
export function readFileBytes(path: string, { bytesMax, check }: ReadBytesOptions): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const stats = fstatSync(descriptor);
    if (stats.isDirectory()) throw new Error("it is a directory: expected a file");
    check?.(stats);
    return readDescriptorBytes(descriptor, bytesMax);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads an open file to its end. A pipe whose writer is slow is waited for.
 * @param bytesMax The limit, in bytes.
 * @throws {Error} The reason.
 */
export function readDescriptorBytes(descriptor: number, bytesMax: number): Buffer {
  const chunks: Uint8Array[] = [];
  for (let length = 0; ; ) {
    const chunk = new Uint8Array(Math.min(64 * 1024, bytesMax + 1 - length));
    const count = readSome(descriptor, chunk);
    if (count === 0) return Buffer.concat(chunks);
    length += count;
    if (length > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
}

/** Returns the number of bytes; 0 at the end. */
function readSome(descriptor: number, chunk: Uint8Array): number {
  for (;;) {
    try {
      return readSync(descriptor, chunk, 0, chunk.length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      // The pipe was made so that it does not wait.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
