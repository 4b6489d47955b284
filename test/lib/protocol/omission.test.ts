import { describe, expect, test } from "bun:test";
import { HeadTailBuffer } from "../../../lib/agent/supervisor/output/headTailBuffer.ts";
import { isShortened, messageAfter, truncatedMark } from "../../../lib/protocol/omission.ts";

const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `tick ${from + index}\n`).join("");

function kept(text: string, bytesMax: number): string {
  const buffer = new HeadTailBuffer(bytesMax);
  buffer.add(Buffer.from(text));
  return buffer.text();
}

test("omission: a message that contains the agent's omission mark is incomplete", () => {
  expect(isShortened(kept(lines(1, 100), 10_000))).toBe(false);
  expect(isShortened(kept(lines(1, 100), 100))).toBe(true);
  expect(isShortened(`text${truncatedMark(99_999)}`)).toBe(true);
  expect(isShortened("[… 5 apples omitted …]")).toBe(false);
});

describe("the rest of a message", () => {
  test("omission: the rest of a message follows the part that was shown", () => {
    expect(messageAfter(lines(1, 20).trimEnd(), lines(1, 6))).toBe(lines(7, 20).trimEnd());
  });
  test("may follow a first line that says how the program ended", () => {
    const message = `exited with status 3\n${lines(1, 9).trimEnd()}`;
    expect(messageAfter(message, lines(1, 6))).toBe(lines(7, 9).trimEnd());
  });
  test("is its end, if its middle is omitted", () => {
    const message = kept(lines(1, 1_000), 1_000).trimEnd();
    const rest = messageAfter(message, lines(1, 500));
    expect(rest).toMatch(/^\[… \d+ bytes omitted …\]\n/);
    expect(rest.endsWith("tick 1000")).toBe(true);
  });
  test("is the whole of it, if it does not begin as what was seen", () => {
    expect(messageAfter("timeout\nanother text", lines(1, 2))).toBe("timeout\nanother text");
  });
  test("is nothing, if all was seen", () => {
    expect(messageAfter(lines(1, 3).trimEnd(), lines(1, 3))).toBe("");
  });
});
