/**
 * Frames of zstd (RFC 8878, section 3.1.1) whose block is not compressed. Each runtime has another
 * version of zstd, whose frames differ in size; these are the same everywhere.
 */

const magic = 0xfd2fb528;
/** One segment, whose size follows in four bytes, and no checksum. */
const descriptor = 0xa0;
const headerBytes = 12;

/** @param plain at most 128 KiB */
export function storedBlock(plain: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(headerBytes + plain.length);
  frame.writeUInt32LE(magic, 0);
  frame.writeUInt8(descriptor, 4);
  frame.writeUInt32LE(plain.length, 5);
  // The last block, as it is.
  frame.writeUIntLE(plain.length * 8 + 1, 9, 3);
  frame.set(plain, headerBytes);
  return frame;
}
