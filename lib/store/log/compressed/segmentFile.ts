/** Opens a segment for reading, plain or compressed: both have the same bytes at the same offsets. */
import { join } from "node:path";
import { WsctlError } from "../../../protocol/errors.ts";
import { damaged } from "../logErrors.ts";
import { compressedName, type LogFile, type LogStorage, segmentName } from "../storage.ts";
import { type Block, decompressBlock, readTable } from "./blocks.ts";

/** A segment that is open for reading. */
export interface SegmentFile extends Pick<LogFile, "size" | "read" | "close"> {
  /** The path, for error messages. */
  path: string;
  isCompressed: boolean;
  /** The size on the disk. */
  diskBytes: number;
}

/**
 * Opens the segment that begins with a sequence. The plain file counts while both exist.
 *
 * @throws the error of the storage, or {WsctlError} STORAGE_UNAVAILABLE if it is damaged
 */
export function openSegment(storage: LogStorage, first: number): SegmentFile {
  const name = segmentName(first);
  try {
    const file = storage.open(name);
    const path = join(storage.path, name);
    return { ...readingOf(file), path, isCompressed: false, diskBytes: file.size() };
  } catch (error) {
    // The compressed file was there before the plain one was removed.
    const isCompressed = storage.list().includes(compressedName(first));
    if (!isCompressed) throw error;
    return openCompressed(storage, first);
  }
}

/** Opens the compressed file of a segment. @throws as `openSegment` */
export function openCompressed(storage: LogStorage, first: number): SegmentFile {
  const name = compressedName(first);
  const file = storage.open(name);
  try {
    return readCompressed(file, join(storage.path, name));
  } catch (error) {
    file.close();
    throw error;
  }
}

function readingOf(file: LogFile): Pick<LogFile, "size" | "read" | "close"> {
  return {
    size: () => file.size(),
    read: (offset, bytes) => file.read(offset, bytes),
    close: () => file.close(),
  };
}

function readCompressed(file: LogFile, path: string): SegmentFile {
  const diskBytes = file.size();
  const blocks = readTable(diskBytes, (offset, bytes) => file.read(offset, bytes));
  if (blocks === undefined) {
    throw damaged(path, diskBytes, "the table of blocks before it does not verify");
  }
  const last = blocks.at(-1);
  const size = last === undefined ? 0 : last.plainOffset + last.plainBytes;
  /** The block that was read last: entries are mostly read in order. */
  let latest: { block: Block; plain: Uint8Array } | undefined;
  const plainOf = (block: Block) => {
    if (latest?.block !== block) latest = { block, plain: readBlock(file, path, block) };
    return latest.plain;
  };
  return {
    ...{ path, isCompressed: true, diskBytes },
    size: () => size,
    read: (offset, bytes) => {
      const parts: Uint8Array[] = [];
      const end = Math.min(size, offset + bytes);
      for (let index = blockAt(blocks, offset); index < blocks.length; index++) {
        const block = blocks[index] as Block;
        if (block.plainOffset >= end) break;
        const from = Math.max(0, offset - block.plainOffset);
        parts.push(plainOf(block).subarray(from, end - block.plainOffset));
      }
      const [only = new Uint8Array()] = parts;
      return parts.length <= 1 ? only : Buffer.concat(parts);
    },
    close: () => file.close(),
  };
}

/** Returns the index of the block with a plain offset; the number of blocks if it is at the end. */
function blockAt(blocks: readonly Block[], offset: number): number {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { plainOffset, plainBytes } = blocks[middle] as Block;
    if (plainOffset + plainBytes <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function readBlock(file: LogFile, path: string, { offset, bytes, plainBytes }: Block): Uint8Array {
  const compressed = file.read(offset, bytes);
  try {
    return decompressBlock(compressed, plainBytes);
  } catch (error) {
    if (error instanceof WsctlError) throw error;
    throw damaged(path, offset, "the block there does not verify");
  }
}
