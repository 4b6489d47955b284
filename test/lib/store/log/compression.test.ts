/** Closed segments that are compressed: what they hold, and what is left wherever it ends. */
import { describe, expect, test } from "bun:test";
import { zstdCompressSync } from "node:zlib";
import { blockBytes, encodeTable, readTable } from "../../../../lib/store/log/compressed/blocks.ts";
import { openSegment } from "../../../../lib/store/log/compressed/segmentFile.ts";
import { compressedName, segmentName } from "../../../../lib/store/log/storage.ts";
import { FaultyStorage, MachineStopped } from "../../../sim/faultyStorage.ts";
import {
  append,
  CompressingThread,
  entry,
  filled,
  flip,
  openLog,
  randomOf,
  refusalOf,
  segmentNames,
} from "../../../support/harness/logs.ts";

const isCompressed = (name: string) => name.endsWith(".zst");

/** A log whose closed segments are compressed. */
function compressed({ storage, lines } = filled()) {
  const thread = new CompressingThread();
  const { log } = openLog(storage, "agent", thread.compress);
  thread.finish(storage);
  return { storage, lines, log, thread };
}

describe("closed segments", () => {
  test("are compressed, and the one that is written is not", () => {
    const { storage, log } = compressed();
    const [written = "", ...others] = segmentNames(storage);
    expect(others).toEqual([]);
    expect(written).toBe(segmentName(log.segments.at(-1)?.first ?? 0));
    const names = storage.list().filter(isCompressed).sort();
    expect(names).toHaveLength(log.segments.length - 1);
    expect(names.length).toBeGreaterThan(3);
    for (const { first, bytes, isCompressed } of log.segments.slice(0, -1)) {
      expect(bytes).toBe(storage.bytesOf(compressedName(first)).length);
      expect(isCompressed).toBe(true);
    }
  });

  test("have every entry at its place, for those who read one, all, or the next", () => {
    const { storage, lines, log } = compressed();
    const scanned: string[] = [];
    const places: { sequence: number; segment: number; offset: number }[] = [];
    log.scan(0, ({ line, ...place }) => {
      scanned.push(line);
      places.push(place);
      return true;
    });
    expect(scanned).toEqual(lines);
    for (const place of places) expect(log.read(place)).toBe(lines[place.sequence - 1] ?? "");
    append(log, [entry(1_000)]);
    log.close();
    expect(openLog(storage.afterKill()).lines).toEqual([...lines, entry(1_000)]);
  });

  test("are compressed as they are closed", () => {
    const storage = new FaultyStorage();
    const thread = new CompressingThread();
    const { log } = openLog(storage, "agent", thread.compress);
    for (let batch = 0; batch < 100; batch++) {
      append(log, [entry(batch, 200)]);
      thread.finish(storage);
    }
    expect(segmentNames(storage)).toHaveLength(1);
  });

  test("are removed with both of their files, also while they are compressed", () => {
    const { storage, lines } = filled();
    const thread = new CompressingThread();
    const { log } = openLog(storage, "agent", thread.compress);
    const second = log.segments[1]?.first ?? 0;
    log.removeBefore(second);
    thread.finish(storage);
    expect(storage.list()).toContain(compressedName(second));
    const third = log.segments[1]?.first ?? 0;
    log.removeBefore(third);
    expect(storage.list().filter((name) => name.startsWith(segmentName(1)))).toEqual([]);
    expect(storage.list().filter((name) => name.startsWith(segmentName(second)))).toEqual([]);
    expect(openLog(storage.afterKill()).lines).toEqual(lines.slice(third - 1));
  });

  test("stay as they are on a full disk, and are compressed when the next one is closed", () => {
    const { storage, lines } = filled();
    const thread = new CompressingThread();
    const { log } = openLog(storage, "agent", thread.compress);
    storage.isFull = true;
    thread.finish(storage);
    expect(storage.list().filter(isCompressed)).toEqual([]);
    storage.isFull = false;
    const next = Array.from({ length: 10 }, (_, at) => entry(2_000 + at, 600));
    for (const line of next) append(log, [line]);
    thread.finish(storage);
    expect(storage.list().filter(isCompressed).length).toBeGreaterThan(3);
    expect(openLog(storage.afterKill()).lines).toEqual([...lines, ...next]);
  });

  test("are whole wherever the machine stops while they are compressed", () => {
    let stops = 0;
    for (let seed = 0; seed < 1_500; seed++) {
      const random = randomOf(seed);
      let storage = new FaultyStorage({ stopAt: 1 + Math.floor(random() * 150) });
      const lines: string[] = [];
      for (let life = 0; life < 3; life++) {
        const thread = new CompressingThread();
        try {
          const opened = openLog(storage, "agent", thread.compress);
          expect(opened.lines.length).toBeGreaterThanOrEqual(lines.length);
          expect(opened.lines.slice(0, lines.length)).toEqual(lines);
          lines.push(...opened.lines.slice(lines.length));
          for (let batch = 0; batch < 25; batch++) {
            const line = entry(lines.length, Math.floor(random() * 900));
            append(opened.log, [line]);
            lines.push(line);
            if (random() < 0.7) thread.step(storage);
          }
          thread.finish(storage);
          if (storage.isStopped) throw new MachineStopped();
          opened.log.close();
        } catch (error) {
          if (!(error instanceof MachineStopped) && !/machine has stopped/.test(`${error}`)) {
            throw error;
          }
          stops++;
        }
        const plan = { stopAt: 1 + Math.floor(random() * 150) };
        storage =
          random() < 0.5 ? storage.afterKill(plan) : storage.afterPowerFailure(random, plan);
      }
    }
    expect(stops).toBeGreaterThan(1_000);
  });
});

describe("a segment with both of its files", () => {
  function both(): { storage: FaultyStorage; lines: string[]; name: string } {
    const before = filled();
    const plain = before.storage.bytesOf(segmentName(1)).slice();
    const { storage, lines, log } = compressed(before);
    log.close();
    storage.put(segmentName(1), plain);
    return { storage, lines, name: segmentName(1) };
  }

  test("keeps the compressed one", () => {
    const { storage, lines, name } = both();
    expect(openLog(storage).lines).toEqual(lines);
    expect(storage.list()).not.toContain(name);
    expect(storage.list()).toContain(`${name}.zst`);
  });

  test("keeps the plain one if the compressed one is damaged", () => {
    const { storage, lines, name } = both();
    flip(storage, `${name}.zst`, 200);
    expect(openLog(storage).lines).toEqual(lines);
    expect(storage.list()).not.toContain(`${name}.zst`);
  });

  test("keeps the compressed one if the plain one is damaged", () => {
    const { storage, lines, name } = both();
    flip(storage, name, 300);
    expect(openLog(storage).lines).toEqual(lines);
    expect(storage.list()).not.toContain(name);
  });
});

describe("a compressed segment that is damaged", () => {
  test("is refused by its name and the place, or has every entry", () => {
    const { storage: right, lines, log } = compressed();
    log.close();
    let refused = 0;
    for (const name of right.list().filter(isCompressed).slice(0, 2)) {
      const { length } = right.bytesOf(name);
      for (let at = 0; at < length; at += 3) {
        const storage = right.afterKill();
        flip(storage, name, at);
        const refusal = refusalOf(storage);
        if (refusal === "") {
          expect(openLog(storage).lines).toEqual(lines);
          continue;
        }
        refused++;
        expect(refusal).toMatch(
          new RegExp(`^Cannot use the log file "/log/${name}": the file is damaged at byte \\d+: `),
        );
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  test("is named with the place of the block when an entry of it is read", () => {
    const { storage, log } = compressed();
    const place = { sequence: 1, segment: 1, offset: 96 };
    expect(log.read(place)).toBe(entry(0));
    flip(storage, compressedName(1), 200);
    const path = `/log/${compressedName(1)}`;
    const text = `"${path}": the file is damaged at byte 0: the block there does not verify`;
    expect(() => log.read(place)).toThrow(text);
  });

  test("that lost its end is refused", () => {
    const { storage, log } = compressed();
    log.close();
    const bytes = storage.bytesOf(compressedName(1)).slice(0, -1);
    storage.put(compressedName(1), bytes);
    const path = `/log/${compressedName(1)}`;
    expect(refusalOf(storage)).toContain(
      `"${path}": the file is damaged at byte ${bytes.length}: the table of blocks before it does`,
    );
  });
});

test("a segment of many blocks is read at any place", () => {
  const plain = Buffer.alloc(3 * blockBytes + 1_000);
  for (let at = 0; at < plain.length; at++) plain[at] = (at * 7 + (at >> 9)) & 255;
  const parts: Uint8Array[] = [];
  const sizes: { bytes: number; plainBytes: number }[] = [];
  for (let at = 0; at < plain.length; at += blockBytes) {
    const block = plain.subarray(at, at + blockBytes);
    const part = zstdCompressSync(block);
    parts.push(part);
    sizes.push({ bytes: part.length, plainBytes: block.length });
  }
  const storage = new FaultyStorage();
  const whole = Buffer.concat([...parts, encodeTable(sizes)]);
  storage.put(compressedName(1), whole);
  const file = openSegment(storage, 1);
  expect(file.size()).toBe(plain.length);
  expect(readTable(whole.length, (at, bytes) => whole.subarray(at, at + bytes))).toHaveLength(4);
  const random = randomOf(1);
  for (let count = 0; count < 200; count++) {
    const at = Math.floor(random() * (plain.length + 10));
    const bytes = Math.floor(random() * random() * 2 * blockBytes);
    expect(Buffer.from(file.read(at, bytes)).equals(plain.subarray(at, at + bytes))).toBe(true);
  }
});
