import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Bytes } from "../../../../lib/agent/logs/openFile.ts";
import { readTail, wholeLinesEnd } from "../../../../lib/agent/logs/tail.ts";

/** Counts what is read of a text, or of one so long that it is made only where it is looked at. */
function counting(byteAt: (at: number) => number, size: number): Bytes & { readBytes: number } {
  return {
    readBytes: 0,
    async read(into, at) {
      const length = Math.max(0, Math.min(into.length, size - at));
      for (let index = 0; index < length; index++) into[index] = byteAt(at + index);
      this.readBytes += length;
      return length;
    },
  };
}

const ofText = (text: string) => counting((at) => text.charCodeAt(at), text.length);

describe("the tail of a file", () => {
  test("is where the last lines begin", async () => {
    const property = fc.asyncProperty(
      fc.stringMatching(/^[a\n]{0,40}$/),
      fc.integer({ min: 1, max: 12 }),
      async (text, lines) => {
        const all = text === "" ? [] : text.split(/(?<=\n)/);
        const { from, lines: found } = await readTail(ofText(text), text.length, lines);
        expect(text.slice(from)).toBe(all.slice(-lines).join(""));
        expect(found).toBe(Math.min(lines, all.length));
      },
    );
    await fc.assert(property);
  });

  test("of ten gigabytes is found without reading them", async () => {
    const size = 10 * 1024 ** 3;
    const bytes = counting((at) => (at % 100 === 99 ? 10 : 120), size);
    const { from, lines } = await readTail(bytes, size, 1_000);
    expect(lines).toBe(1_000);
    expect(Math.ceil((size - from) / 100)).toBe(1_000);
    expect(bytes.readBytes).toBeLessThan(512 * 1024);
  });

  test("leaves out the line that is still being written", async () => {
    expect(await wholeLinesEnd(ofText("one\ntwo"), 7)).toBe(4);
    expect(await wholeLinesEnd(ofText("one\n"), 4)).toBe(4);
    expect(await wholeLinesEnd(ofText("one"), 3)).toBe(0);
    expect(await wholeLinesEnd(ofText(""), 0)).toBe(0);
  });
});
