/**
 * Reads a file that a person wrote: settings, manifests, parameters, tokens, keys. All of them
 * follow the same rules. The encoding is UTF-8, or UTF-16 with a byte order mark, as editors on
 * Windows write it. The byte order mark is no part of the text, and lines end in a line feed. A
 * file, a pipe and a device are read to their end or to the limit.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";

/** The limit for a file with structured text, in bytes. */
const textBytesMax = 4 * 1024 * 1024;

export interface ReadTextOptions {
  /** The limit, in bytes. */
  bytesMax?: number;
  /** Checks the opened file before it is read, and throws if it must not be used. */
  check?(stats: Stats): void;
}

/** @throws {Error} The reason: the error of the operating system, or what is wrong with the file. */
export function readTextFile(path: string, options: ReadTextOptions = {}): string {
  const descriptor = openSync(path, "r");
  try {
    const stats = fstatSync(descriptor);
    if (stats.isDirectory()) throw new Error("it is a directory: expected a file");
    options.check?.(stats);
    return readDescriptor(descriptor, options.bytesMax);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads an open file to its end. A pipe whose writer is slow is waited for.
 * @throws {Error} The reason.
 */
export function readDescriptor(descriptor: number, bytesMax = textBytesMax): string {
  const chunks: Uint8Array[] = [];
  for (let length = 0; ; ) {
    const chunk = new Uint8Array(Math.min(64 * 1024, bytesMax + 1 - length));
    const count = readSome(descriptor, chunk);
    if (count === 0) return decodeText(Buffer.concat(chunks));
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

/** @throws {Error} If the bytes are not text. */
function decodeText(bytes: Buffer): string {
  const [first, second] = bytes;
  const isLittle = first === 0xff && second === 0xfe;
  const isBig = first === 0xfe && second === 0xff;
  if ((isLittle || isBig) && bytes.length % 2 === 1) throw new Error("its UTF-16 text is cut off");
  const text = isLittle
    ? bytes.toString("utf16le")
    : isBig
      ? Buffer.from(bytes).swap16().toString("utf16le")
      : decodeUtf8(bytes);
  const plain = text.replace(/^\ufeff/, "");
  if (plain.includes("\0")) {
    throw new Error("it contains NUL characters: expected text in UTF-8");
  }
  return plain.replaceAll("\r\n", "\n");
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8: save it in that encoding");
  }
}
