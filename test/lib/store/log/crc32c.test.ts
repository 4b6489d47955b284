import { expect, test } from "bun:test";
import { crc32c } from "../../../../lib/store/log/crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);

test.each([
  ["no bytes", new Uint8Array(0), 0],
  ["the check value of the polynomial", Buffer.from("123456789"), 0xe3069283],
  ["32 zeros (RFC 3720, B.4)", new Uint8Array(32), 0x8a9136aa],
  ["32 ones (RFC 3720, B.4)", new Uint8Array(32).fill(255), 0x62a8ab43],
  ["ascending bytes (RFC 3720, B.4)", ascending, 0x46dd794e],
  ["descending bytes (RFC 3720, B.4)", ascending.slice().reverse(), 0x113fdb5c],
])("crc32c: matches the published value for %s", (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test("crc32c: continues from the checksum of any part", () => {
  const bytes = Buffer.from("a text that is longer than two steps of eight bytes");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const seed = crc32c(bytes, 0, cut);
    expect(crc32c(bytes, cut, bytes.length, seed)).toBe(crc32c(bytes));
  }
});
