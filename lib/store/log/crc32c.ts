/**
 * CRC-32C, the Castagnoli polynomial (RFC 3720, appendix B.4), eight bytes a step with the tables
 * of Kounavis and Berry ("A Systematic Approach to Building High Performance Software-Based CRC
 * Generators", 2005). No runtime offers this polynomial.
 */

const reversedPolynomial = 0x82f63b78;
const slices = 8;

const tables = buildTables();

function buildTables(): Int32Array {
  const built = new Int32Array(slices * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? reversedPolynomial : 0);
    built[byte] = crc;
  }
  for (let at = 256; at < built.length; at++) {
    const crc = built[at - 256] ?? 0;
    built[at] = (crc >>> 8) ^ (built[crc & 255] ?? 0);
  }
  return built;
}

/**
 * Returns the checksum of `bytes` from `start` up to, but not including, `end`.
 *
 * @param seed the checksum of what precedes, to continue it; 0 at the beginning
 * @returns an unsigned 32-bit integer
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  const t = tables;
  let crc = ~seed;
  let at = start;
  for (const last = end - slices; at <= last; at += slices) {
    // Every index is below 256 and inside the array, so the defaults never apply.
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t[1792 + (low & 255)] as number) ^
      (t[1536 + ((low >>> 8) & 255)] as number) ^
      (t[1280 + ((low >>> 16) & 255)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 255] as number);
  return ~crc >>> 0;
}
