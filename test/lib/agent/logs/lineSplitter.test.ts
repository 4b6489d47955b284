import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { headBytesMax, LineMerger, LineSplitter } from "../../../../lib/agent/logs/lineSplitter.ts";

function cut(chunks: Uint8Array[], wants: (head: string) => boolean) {
  const taken: Buffer[] = [];
  const heads: string[] = [];
  const splitter = new LineSplitter({
    accepts: (head) => {
      heads.push(Buffer.from(head).toString("latin1"));
      return wants(heads.at(-1) ?? "");
    },
    append: (bytes) => taken.push(Buffer.from(bytes)),
  });
  // One buffer for all of them, as a reader has.
  const buffer = Buffer.alloc(Math.max(1, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    buffer.set(chunk);
    splitter.push(buffer.subarray(0, chunk.length));
  }
  splitter.end();
  return { text: Buffer.concat(taken).toString("latin1"), heads, wanted: splitter.wanted };
}

describe("lines", () => {
  test("are the same however the bytes come, and wanted ones are kept as they are", () => {
    const line = fc.stringMatching(/^[ab\r]{0,5}$/);
    const property = fc.property(fc.array(line), fc.nat(7), fc.boolean(), (lines, size, isOpen) => {
      const text = lines.map((each) => `${each}\n`).join("") + (isOpen ? "ab" : "");
      const bytes = Buffer.from(text, "latin1");
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size + 1) {
        chunks.push(bytes.subarray(at, at + size + 1));
      }
      const { text: taken, wanted } = cut(chunks, (head) => head.startsWith("a"));
      const expected = text.split(/(?<=\n)/).filter((each) => each.startsWith("a"));
      expect({ taken, wanted }).toEqual({ taken: expected.join(""), wanted: expected.length });
    });
    fc.assert(property);
  });

  test("are judged without their ends, and long ones by how they begin", () => {
    const long = "x".repeat(headBytesMax + 10);
    const { heads, text, wanted } = cut(
      [Buffer.from(`a\r\n\n${long.slice(0, 9)}`), Buffer.from(`${long.slice(9)}END\nlast`)],
      () => true,
    );
    expect(heads).toEqual(["a", "", long.slice(0, headBytesMax), "last"]);
    expect(text).toBe(`a\r\n\n${long}END\nlast`);
    expect(wanted).toBe(4);
  });

  test("of two inputs do not run into each other", () => {
    const taken: string[] = [];
    const merger = new LineMerger((bytes) => taken.push(Buffer.from(bytes).toString()));
    const [one, two] = [1, 2].map(() => new LineSplitter(merger.sink(() => true)));
    one?.push(Buffer.from("open"));
    one?.end();
    two?.push(Buffer.from("next\n"));
    expect(taken.join("")).toBe("open\nnext\n");
  });
});
