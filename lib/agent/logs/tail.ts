/**
 * Finds where the last lines start. It reads backwards from the end, so a large file is not read as
 * a whole.
 */
import type { Bytes } from "./openFile.ts";

/**
 * The first and the largest block: a few lines need little, and many lines are read in large steps.
 */
const blockBytes = 64 * 1024;
const blockBytesMax = 1024 * 1024;
const lineFeed = 10;

export interface Tail {
  /** The offset of the first of them. */
  from: number;
  /** The number of lines; fewer than requested if the file has no more. */
  lines: number;
}

/** Finds the last `lines` lines before `end`; a last line without a line feed counts. */
export async function readTail(bytes: Bytes, end: number, lines: number): Promise<Tail> {
  if (end === 0 || lines === 0) return { from: end, lines: 0 };
  let block = Buffer.alloc(blockBytes);
  let found = 0;
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - block.length);
    const length = await readWhole(bytes, block.subarray(0, to - from), from);
    for (let at = length - 1; at >= 0; at--) {
      at = block.lastIndexOf(lineFeed, at);
      if (at < 0) break;
      // A line feed at the very end ends the last line and starts none.
      if (from + at === end - 1) continue;
      if (++found === lines) return { from: from + at + 1, lines };
    }
    to = from;
    if (block.length < blockBytesMax) block = Buffer.alloc(block.length * 2);
  }
  return { from: 0, lines: found + 1 };
}

/**
 * Returns the position after the last line feed before `end`, if it is near: a line after it is
 * incomplete.
 */
export async function wholeLinesEnd(bytes: Bytes, end: number): Promise<number> {
  const from = Math.max(0, end - blockBytes);
  const block = Buffer.alloc(end - from);
  const length = await readWhole(bytes, block, from);
  const at = block.subarray(0, length).lastIndexOf(lineFeed);
  if (at >= 0) return from + at + 1;
  return from === 0 ? 0 : end;
}

/** Reads as much as there is: the file may have been truncated meanwhile. */
async function readWhole(bytes: Bytes, into: Uint8Array, from: number): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const more = await bytes.read(into.subarray(length), from + length);
    if (more === 0) break;
    length += more;
  }
  return length;
}
