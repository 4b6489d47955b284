/**
 * Reads a file that a person wrote: settings, manifests, parameters, tokens, keys. All of them
 * follow the same rules. The encoding is UTF-8, or UTF-16 with a byte order mark, as editors on
 * Windows write it. The byte order mark is no part of the text, and lines end in a line feed. A
 * file, a pipe and a device are read to their end or to the limit.
 */
import type { Stats } from "node:fs";
import { system } from "../system/current.ts";
import { readDescriptorBytes, readFileBytes } from "./readBytes.ts";

/** The limit for a file with structured text, in bytes. */
const textBytesMax = 4 * 1024 * 1024;

export interface ReadTextOptions {
  /** The limit, in bytes. */
  bytesMax?: number;
  /** Checks the opened file before it is read, and throws if it must not be used. */
  check?(stats: Stats): void;
}

/**
 * Reads a file that grants something: settings, a key, a secret, a certificate to trust. A file
 * that every user of the host can write to is refused, because anyone could grant it to themselves.
 * @throws {Error} The reason.
 */
export function readTrustedTextFile(path: string): string {
  const check = (stats: Stats) => {
    // The permissions of a pipe or a device are not those of its content.
    if (!stats.isFile() || !isOpenToAll(stats)) return;
    throw new Error(`every user can write to it. Restrict it: chmod o-w ${path}`);
  };
  return readTextFile(path, { check });
}

/** Whether every user of the host may write to the file. Where files have no modes, no one asks. */
export function isOpenToAll({ mode }: Pick<Stats, "mode">): boolean {
  return system.hasUsers && (mode & 0o002) !== 0;
}

/** @throws {Error} The reason: the error of the operating system, or what is wrong with the file. */
export function readTextFile(path: string, options: ReadTextOptions = {}): string {
  const { bytesMax = textBytesMax, check } = options;
  return decodeText(readFileBytes(path, { bytesMax, check }));
}

/**
 * Reads an open file to its end. A pipe whose writer is slow is waited for.
 * @throws {Error} The reason.
 */
export function readDescriptor(descriptor: number, bytesMax = textBytesMax): string {
  return decodeText(readDescriptorBytes(descriptor, bytesMax));
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
