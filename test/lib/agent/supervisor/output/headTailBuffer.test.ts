import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HeadTailBuffer } from "../../../../../lib/agent/supervisor/output/headTailBuffer.ts";

function kept(bytesMax: number, chunks: readonly string[]): string {
  const output = new HeadTailBuffer(bytesMax);
  for (const chunk of chunks) output.add(Buffer.from(chunk));
  return output.text();
}

describe("HeadTail", () => {
  test.each([
    [[], ""],
    [["abc"], "abc"],
    [["abcd", "efgh"], "abcdefgh"],
    [["abcdefgh"], "abcdefgh"],
    [["abcdefghi"], "abcd\n[… 1 bytes omitted …]\nfghi"],
    [["ab", "cdefg", "hij", "k"], "abcd\n[… 3 bytes omitted …]\nhijk"],
    [["a".repeat(4), "b".repeat(1_000_000), "end!"], "aaaa\n[… 1000000 bytes omitted …]\nend!"],
  ])("HeadTailBuffer: of %j it keeps the first 4 and the last 4 bytes", (chunks, text) => {
    expect(kept(8, chunks)).toBe(text);
  });

  test("keeps the same however the stream is cut into chunks", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme-ascii" })), (chunks) => {
        expect(kept(10, chunks)).toBe(kept(10, [chunks.join("")]));
      }),
    );
  });
});
