/** Where the last lines begin, found from the end: only they are read, however long the file is. */
import type { Bytes } from "./openFile.ts";

/** The first block, and the largest: a few lines cost little, a long way is gone in long steps. */
const blockBytes = 64 * 1024;
const blockBytesMax = 1024 * 1024;
const lineFeed = 10;

export interface Tail {
  /** Where the first of them begins. */
  from: number;
  /** How many there are: fewer than asked for where the file has no more. */
  lines: number;
}

/** The last `lines` of what is before `end`; a last line that nothing ends is one. */
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
      // The one at the very end ends the last line and begins none.
      if (from + at === end - 1) continue;
      if (++found === lines) return { from: from + at + 1, lines };
    }
    to = from;
    if (block.length < blockBytesMax) block = Buffer.alloc(block.length * 2);
  }
  return { from: 0, lines: found + 1 };
}

/** Behind the last line feed before `end`, if one is near: what follows is still being written. */
export async function wholeLinesEnd(bytes: Bytes, end: number): Promise<number> {
  const from = Math.max(0, end - blockBytes);
  const block = Buffer.alloc(end - from);
  const length = await readWhole(bytes, block, from);
  const at = block.subarray(0, length).lastIndexOf(lineFeed);
  if (at >= 0) return from + at + 1;
  return from === 0 ? 0 : end;
}

/** As much as is there: a file may have been cut short meanwhile. */
async function readWhole(bytes: Bytes, into: Uint8Array, from: number): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const more = await bytes.read(into.subarray(length), from + length);
    if (more === 0) break;
    length += more;
  }
  return length;
}
