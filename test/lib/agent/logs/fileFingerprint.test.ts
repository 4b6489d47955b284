import { describe, expect, test } from "bun:test";
import {
  compareFingerprints,
  extendFingerprint,
  readFingerprint,
} from "../../../../lib/agent/logs/fileFingerprint.ts";

function ofText(text: string) {
  const bytes = Buffer.from(text);
  return {
    size: bytes.length,
    read: async (into: Uint8Array, at: number) => bytes.copy(into, 0, at, at + into.length),
  };
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join("");

async function like(text: string, read: string) {
  const file = ofText(text);
  return compareFingerprints(file, file.size, await readFingerprint(ofText(read), read.length));
}

describe("a file", () => {
  const read = lines(0, 500);

  test("is a copy of what was read if it has all of it, and may have more", async () => {
    expect(await like(read, read)).toBe("copy");
    expect(await like(read + lines(500, 600), read)).toBe("copy");
  });

  test("file fingerprint: a shorter file may still become a copy", async () => {
    expect(await like(read.slice(0, 2_000), read)).toBe("growing");
    expect(await like("", read)).toBe("growing");
  });

  test("file fingerprint: a file with only the same beginning is not a copy", async () => {
    expect(await like(lines(0, 300) + lines(900, 1_500), read)).toBe("other");
    expect(await like(lines(1, 700), read)).toBe("other");
    expect(await like("short\n", "short\n")).toBe("other");
  });

  test("leaves the same trace however it was read", async () => {
    for (const step of [1, 100, 1_023, 1_024, 5_000]) {
      let trace = await readFingerprint(ofText(read), 0);
      for (let at = 0; at < read.length; at += step) {
        trace = extendFingerprint(trace, Buffer.from(read.slice(at, at + step)));
      }
      expect(trace).toEqual(await readFingerprint(ofText(read), read.length));
    }
  });
});
