import { describe, expect, test } from "bun:test";
import { formatOutputLine } from "../../../../lib/control/streams/outputLine.ts";
import { outputChunkBytesMax } from "../../../../lib/protocol/limits.ts";

const place = { job_id: "j", request_id: "r", agent: "a" };
const about = { sequence: 3, stream: "stdout" } as const;

function outputOf(bytes: Uint8Array): Record<string, unknown> {
  const line = formatOutputLine(place, about, bytes);
  expect(line.endsWith("}}\n")).toBe(true);
  const { output, ...rest } = JSON.parse(line);
  expect(rest).toEqual(place);
  return output;
}

describe("the line of a chunk of output", () => {
  test.each(["plain\n", 'a "quote", a \\ and a tab\t', "\x1b[1m\0", "漢字 \u2028 🚀"])(
    "has what is UTF-8 as text: %j",
    (text) => {
      expect(outputOf(Buffer.from(text))).toEqual({ ...about, text });
    },
  );

  test.each([[[0xff, 0x00]], [[0xe6, 0xbc]], [[0xed, 0xa0, 0x80]]])(
    "has what is no UTF-8 as base64: %j",
    (bytes) => {
      const base64 = Buffer.from(bytes).toString("base64");
      expect(outputOf(Uint8Array.from(bytes))).toEqual({ ...about, base64 });
    },
  );

  test("has control characters as base64 where their escapes would take much more space", () => {
    const bytes = Buffer.alloc(outputChunkBytesMax);
    expect(outputOf(bytes)).toEqual({ ...about, base64: bytes.toString("base64") });
    const text = "\0".repeat(outputChunkBytesMax / 4);
    expect(outputOf(Buffer.from(text))).toEqual({ ...about, text });
  });

  test("is a mark without a chunk", () => {
    const line = formatOutputLine(place, { sequence: 3, incomplete: true });
    expect(JSON.parse(line)).toEqual({ ...place, output: { sequence: 3, incomplete: true } });
  });
});
