import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import {
  SpoolReader,
  SpoolWriter,
} from "../../../../../lib/agent/supervisor/output/outputSpool.ts";
import { outputChunkBytesMax, outputChunkCostMin } from "../../../../../lib/protocol/limits.ts";
import { temporaryDir } from "../../../../support/processes/processes.ts";

const mebibyte = 1024 * 1024;
const all = Number.POSITIVE_INFINITY;

describe("a spool", () => {
  test("gives back both streams in the order in which they came", () => {
    using dir = temporaryDir();
    const spool = new SpoolWriter(`${dir}`);
    spool.add("stdout", Buffer.from("a\n"), false);
    spool.add("stderr", Buffer.from("b\n"), false);
    spool.add("stdout", Buffer.from("c"), false);
    const pieces = new SpoolReader(`${dir}`).read(0, all);
    const shown = pieces.map(({ sequence, stream, bytes }) => `${sequence} ${stream} ${bytes}`);
    expect(shown).toEqual(["1 stdout a\n", "2 stderr b\n", "3 stdout c"]);
  });

  test("cuts at line ends, and never within a character, whatever the chunks are", () => {
    using dir = temporaryDir();
    const spool = new SpoolWriter(`${dir}`);
    const text = `${"é".repeat(50)}\n${"𝄞".repeat(5_000)}\n`;
    const bytes = Buffer.from(text.repeat(3));
    for (let at = 0; at < bytes.length; at += 777) {
      spool.add("stdout", bytes.subarray(at, at + 777), false);
    }
    spool.end();
    const pieces = new SpoolReader(`${dir}`).read(0, all);
    expect(Buffer.concat(pieces.map((piece) => piece.bytes)).equals(bytes)).toBe(true);
    for (const { bytes: piece } of pieces) {
      expect(piece.length).toBeLessThanOrEqual(outputChunkBytesMax);
      expect(Buffer.from(piece.toString("utf8")).equals(piece)).toBe(true);
    }
  });

  test("goes on where a reader stopped, by as much as it wants", () => {
    using dir = temporaryDir();
    const spool = new SpoolWriter(`${dir}`);
    const reader = new SpoolReader(`${dir}`);
    let seen = 0;
    for (let round = 0; round < 50; round++) {
      for (let index = 0; index < 20; index++) spool.add("stdout", Buffer.alloc(9_000, 97), false);
      for (;;) {
        const pieces = reader.read(seen, 30_000);
        if (pieces.length === 0) break;
        for (const { sequence, skipped } of pieces) {
          expect({ sequence, skipped }).toEqual({ sequence: seen + 1, skipped: 0 });
          seen = sequence;
        }
      }
    }
    expect(seen).toBe(spool.last);
  });

  test("gives no more small pieces at a time than the other side takes", () => {
    using dir = temporaryDir();
    const spool = new SpoolWriter(`${dir}`);
    for (let index = 0; index < 100; index++) spool.add("stdout", Buffer.from("x"), false);
    const reader = new SpoolReader(`${dir}`);
    expect(reader.read(0, 10 * outputChunkCostMin)).toHaveLength(10);
    expect(reader.read(10, all)).toHaveLength(90);
  });

  test("output spool: keeps the newest megabytes and tells a slow reader what it missed", () => {
    using dir = temporaryDir();
    const spool = new SpoolWriter(`${dir}`);
    for (let index = 0; index < 3_000; index++) {
      spool.add("stdout", Buffer.alloc(8_000, 97), false);
    }
    const segments = readdirSync(`${dir}`).filter((name) => name.startsWith("output-"));
    expect(segments).toHaveLength(4);
    const [first, ...rest] = new SpoolReader(`${dir}`).read(0, all);
    expect(first?.skipped).toBe((first?.sequence ?? 0) - 1);
    expect(rest.every(({ skipped }) => skipped === 0)).toBe(true);
    const kept = rest.length * 8_000;
    expect(kept).toBeGreaterThan(3 * mebibyte);
    expect(kept).toBeLessThan(4.1 * mebibyte);
  });

  test("output spool: a chunk that would displace unread output is held back", () => {
    using dir = temporaryDir();
    const spool = new SpoolWriter(`${dir}`);
    const chunk = Buffer.alloc(8_000, 97);
    while (!spool.isFull(0)) spool.add("stdout", chunk, false);
    const { last } = spool;
    expect(spool.isFull(last)).toBe(false);
    spool.add("stdout", chunk, true);
    expect(new SpoolReader(`${dir}`).read(0, all)[0]?.sequence).toBe(1);
    spool.add("stdout", chunk, false);
    expect(new SpoolReader(`${dir}`).read(0, all)[0]?.skipped).toBeGreaterThan(0);
  });
});
