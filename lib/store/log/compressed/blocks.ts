/**
 * The bytes of a compressed segment: the plain segment in blocks, each a zstd frame (RFC 8878) of
 * its own, and a table of their sizes in a skippable frame at the end. It is the seekable format of
 * the zstd project, so that `zstd -dc` prints the plain segment.
 */
import * as zlib from "node:zlib";

/** Plain bytes in one block. One entry is read by decompressing one block, or two. */
export const blockBytes = 128 * 1024;

const tableMagic = 0x184d2a5e;
const footerMagic = 0x8f92eab1;
const frameHeaderBytes = 8;
const rowBytes = 8;
const footerBytes = 9;

/** Where a block stands in the compressed file, and in the plain segment. */
export interface Block {
  offset: number;
  bytes: number;
  plainOffset: number;
  plainBytes: number;
}

/** Compresses one block on another thread. `done` is called once, later. */
export type CompressBlock = (
  plain: Uint8Array,
  done: (error: Error | null, compressed: Uint8Array) => void,
) => void;

/** Each block has a checksum, which is verified when it is read. */
function compressionOptions(): zlib.ZstdOptions {
  const { ZSTD_c_compressionLevel: level, ZSTD_c_checksumFlag: checksum } = zlib.constants;
  return { params: { [level]: 3, [checksum]: 1 } };
}

/** The pause after each block leaves the processors to requests, in milliseconds. */
const pauseMs = 5;

/** Undefined in a runtime without zstd, such as Node.js 20. */
export const compressBlock: CompressBlock | undefined =
  typeof zlib.zstdCompress === "function"
    ? (plain, done) =>
        zlib.zstdCompress(plain, compressionOptions(), (error, compressed) => {
          setTimeout(() => done(error, compressed), pauseMs);
        })
    : undefined;

/** @throws if the block is damaged, or has another size */
export function decompressBlock(compressed: Uint8Array, plainBytes: number): Uint8Array {
  const plain = zlib.zstdDecompressSync(compressed, { maxOutputLength: plainBytes });
  if (plain.length !== plainBytes) throw new Error(`it has ${plain.length} bytes`);
  return plain;
}

/** Returns the table that follows the blocks. */
export function encodeTable(sizes: readonly Pick<Block, "bytes" | "plainBytes">[]): Uint8Array {
  const rowsBytes = sizes.length * rowBytes;
  const table = Buffer.alloc(frameHeaderBytes + rowsBytes + footerBytes);
  table.writeUInt32LE(tableMagic, 0);
  table.writeUInt32LE(rowsBytes + footerBytes, 4);
  for (const [index, { bytes, plainBytes }] of sizes.entries()) {
    const row = frameHeaderBytes + index * rowBytes;
    table.writeUInt32LE(bytes, row);
    table.writeUInt32LE(plainBytes, row + 4);
  }
  const footer = frameHeaderBytes + rowsBytes;
  table.writeUInt32LE(sizes.length, footer);
  table.writeUInt32LE(footerMagic, footer + 5);
  return table;
}

/**
 * Reads the table of a compressed segment. Returns undefined if it does not fit the file.
 *
 * @param read returns the bytes of the file at an offset
 */
export function readTable(
  size: number,
  read: (offset: number, bytes: number) => Uint8Array,
): Block[] | undefined {
  if (size < frameHeaderBytes + footerBytes) return undefined;
  const footer = asBuffer(read(size - footerBytes, footerBytes));
  const count = footer.readUInt32LE(0);
  const tableBytes = frameHeaderBytes + count * rowBytes + footerBytes;
  if (footer.readUInt32LE(5) !== footerMagic || footer[4] !== 0 || tableBytes > size) {
    return undefined;
  }
  const table = asBuffer(read(size - tableBytes, tableBytes));
  if (table.readUInt32LE(0) !== tableMagic) return undefined;
  if (table.readUInt32LE(4) !== tableBytes - frameHeaderBytes) return undefined;
  const blocks: Block[] = [];
  let [offset, plainOffset] = [0, 0];
  for (let row = frameHeaderBytes; row < tableBytes - footerBytes; row += rowBytes) {
    const [bytes, plainBytes] = [table.readUInt32LE(row), table.readUInt32LE(row + 4)];
    if (plainBytes === 0 || plainBytes > blockBytes) return undefined;
    blocks.push({ offset, bytes, plainOffset, plainBytes });
    offset += bytes;
    plainOffset += plainBytes;
  }
  return offset === size - tableBytes ? blocks : undefined;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
