import { expect, test } from "bun:test";
import { DurableLog } from "../../../../lib/store/log/durableLog.ts";
import type { EntryPlace, LogEntry } from "../../../../lib/store/log/segments.ts";
import { type LogStorage, segmentName } from "../../../../lib/store/log/storage.ts";
import { FaultyStorage, MachineStopped } from "../../../sim/faultyStorage.ts";
import {
  append,
  entry,
  filled,
  flip,
  openLog,
  randomOf,
  segmentBytes,
} from "../../../support/harness/logs.ts";

test("a log returns its entries in order, across segments and restarts", () => {
  const { storage, lines } = filled();
  const again = openLog(storage);
  expect(again.lines).toEqual(lines);
  expect(again.entries.map(({ sequence }) => sequence)).toEqual(lines.map((_, at) => at + 1));
  expect(again.log.segments.length).toBeGreaterThan(3);
  expect(again.log.sequence).toBe(lines.length);
  append(again.log, [entry(1_000)]);
  again.log.close();
  expect(openLog(storage.afterKill()).lines).toEqual([...lines, entry(1_000)]);
});

test("a log reads an entry by its place, in the written segment and in closed ones", () => {
  const { storage } = filled();
  const { log, entries } = openLog(storage);
  for (const each of entries) expect(log.read(each)).toBe(each.line);
});

test("a scan from the place of an earlier entry returns what a scan of everything does", () => {
  const { storage } = filled();
  const { log, entries } = openLog(storage);
  const scan = (after: number, from?: EntryPlace) => {
    const lines: string[] = [];
    const onEntry = ({ line }: LogEntry) => lines.push(line) > 0;
    log.scan(after, onEntry, from);
    return lines;
  };
  for (const [index, { sequence, segment, offset }] of entries.entries()) {
    const expected = entries.slice(index + 1).map(({ line }) => line);
    expect(scan(sequence, { sequence, segment, offset })).toEqual(expected);
    // Not every place is the one of the first entry of a batch, or of a batch at all.
    expect(scan(sequence, { sequence, segment, offset: offset + 1 })).toEqual(expected);
    expect(scan(sequence)).toEqual(expected);
  }
});

test("a scan reads nothing before the place where it begins", () => {
  const { storage } = filled();
  const { log, entries } = openLog(storage);
  const from = entries.at(-6) as LogEntry;
  const { offset } = entries.find(({ segment }) => segment === from.segment) as LogEntry;
  flip(storage, segmentName(from.segment), offset + 70);
  expect(() => log.scan(from.sequence, () => true)).toThrow("does not verify");
  const first = entries.find(({ offset, segment }) => {
    return offset === from.offset && segment === from.segment;
  }) as LogEntry;
  log.scan(from.sequence, () => true, first);
});

test("a batch that is larger than a segment gets a segment of its size", () => {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  const large = entry(1, 10_000);
  append(log, [large]);
  append(log, [entry(2)]);
  log.close();
  expect(openLog(storage.afterKill()).lines).toEqual([large, entry(2)]);
});

test("removed segments stay removed, and what follows them verifies", () => {
  const { storage, lines } = filled();
  const { log } = openLog(storage);
  const third = log.segments[2]?.first ?? 0;
  expect(log.removeBefore(third).map(({ first }) => first)).toHaveLength(2);
  log.close();
  const again = openLog(storage.afterKill());
  expect(again.lines).toEqual(lines.slice(third - 1));
  expect(again.entries[0]?.sequence).toBe(third);
});

test("an entry is on disk when append returns, whatever the power failure leaves of later ones", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = randomOf(seed);
    const storage = new FaultyStorage();
    const { log } = openLog(storage);
    const lines: string[] = [];
    for (let batch = 0; batch < 1 + Math.floor(random() * 30); batch++) {
      lines.push(entry(batch, Math.floor(random() * 900)));
      append(log, lines.slice(-1));
    }
    expect(openLog(storage.afterPowerFailure(random)).lines).toEqual(lines);
  }
});

test("wherever the machine stops, a start finds everything that was on disk, and nothing else", () => {
  let stops = 0;
  for (let seed = 0; seed < 3_000; seed++) {
    const random = randomOf(seed);
    let storage = new FaultyStorage({ stopAt: 1 + Math.floor(random() * 60) });
    let written: string[] = [];
    let acknowledged = 0;
    let removed = 0;
    for (let life = 0; life < 3; life++) {
      try {
        const opened = openLog(storage);
        const first = opened.log.segments[0]?.first ?? 1;
        const end = first - 1 + opened.lines.length;
        expect(first).toBeLessThanOrEqual(removed + 1);
        expect(end).toBeGreaterThanOrEqual(acknowledged);
        expect(opened.lines).toEqual(written.slice(first - 1, end));
        written = written.slice(0, end);
        for (let batch = 0; batch < 20; batch++) {
          const count = 1 + Math.floor(random() * 3);
          const added = Array.from({ length: count }, (_, at) =>
            entry(written.length + at, Math.floor(random() * 700)),
          );
          written.push(...added);
          append(opened.log, added);
          acknowledged = written.length;
          if (random() < 0.2) opened.ring();
          if (random() < 0.1) opened.log.roll();
          if (random() > 0.1) continue;
          const before = Math.floor(random() * acknowledged);
          removed = Math.max(removed, before);
          opened.log.removeBefore(before);
        }
        opened.log.close();
      } catch (error) {
        if (!isStop(error)) throw error;
        stops++;
      }
      const plan = { stopAt: 1 + Math.floor(random() * 60) };
      storage = random() < 0.5 ? storage.afterKill(plan) : storage.afterPowerFailure(random, plan);
    }
  }
  expect(stops).toBeGreaterThan(3_000);
});

test("whichever write or sync fails, the owner is told, and later batches are kept", () => {
  let failures = 0;
  for (let seed = 0; seed < 2_000; seed++) {
    const random = randomOf(seed);
    const storage = new FaultyStorage({ failAt: 1 + Math.floor(random() * 50) });
    const kept: string[] = [];
    const failed: string[] = [];
    let opened: ReturnType<typeof openLog> | undefined;
    while (opened === undefined) {
      try {
        opened = openLog(storage);
      } catch (error) {
        expect((error as Error).message).toContain("EIO");
        failures++;
      }
    }
    for (let batch = 0; batch < 20; batch++) {
      const line = entry(batch, Math.floor(random() * 700));
      try {
        append(opened.log, [line]);
        kept.push(line);
      } catch (error) {
        expect((error as { code?: string }).code).toBe("STORAGE_UNAVAILABLE");
        expect((error as Error).message).toMatch(/^Cannot write the log "\/log": EIO/);
        failed.push(line);
        failures++;
      }
    }
    const next = openLog(storage.afterPowerFailure(random));
    expect(next.lines.filter((line) => !failed.includes(line))).toEqual(kept);
    // Only the last batch may be there although its owner was told that it failed.
    const untold = next.lines.filter((line) => failed.includes(line));
    expect(failed.slice(-1)).toEqual(expect.arrayContaining(untold));
  }
  expect(failures).toBeGreaterThan(1_000);
});

test("a full disk fails a batch by name, and the next one is kept when there is space again", () => {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  append(log, [entry(1)]);
  storage.isFull = true;
  expect(() => append(log, [entry(2, 5_000)])).toThrow("the disk is full. Free some space");
  expect(() => append(log, [entry(2)])).toThrow("the disk is full. Free some space");
  expect(() => log.probe()).toThrow("the disk is full");
  storage.isFull = false;
  log.probe();
  append(log, [entry(3)]);
  log.close();
  expect(openLog(storage.afterKill()).lines).toEqual([entry(1), entry(3)]);
});

/** A log whose syncs run on another thread until `finishSyncs`. */
function openSlow(storage: LogStorage) {
  return DurableLog.open({
    storage,
    owner: "agent",
    segmentBytes,
    clock: { after: () => () => {}, wall: () => 0 },
    policy: { isInline: false, measured: () => {} },
    onEntry: () => {},
  });
}

test("log: on a full disk the reserved space accepts entries that end requests", () => {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  storage.takesNoFiles = true;
  let accepted = 0;
  const fill = () => {
    for (; ; accepted++) append(log, [entry(accepted)]);
  };
  expect(fill).toThrow("the disk is full");
  expect(accepted).toBeGreaterThan(5);
  expect(log.append([entry(100)], () => {}, true).isDurable).toBe(true);
  expect(() => append(log, [entry(101)])).toThrow("the disk is full");
  storage.takesNoFiles = false;
  append(log, [entry(102)]);
  log.close();
  const numbers = openLog(storage.afterKill()).lines.map((line) => JSON.parse(line).number);
  expect(numbers.slice(accepted)).toEqual([100, 102]);
});

test("on a slow disk, a batch is on disk when its callback runs, and not before", () => {
  const storage = new FaultyStorage();
  const log = openSlow(storage);
  const ends: unknown[] = [];
  expect(log.append([entry(1)], (error) => ends.push(error)).isDurable).toBe(false);
  expect(() => log.append([entry(2)], () => {})).toThrow("another batch is written");
  expect([log.sequence, ends.length]).toEqual([0, 0]);
  storage.finishSyncs();
  expect([log.sequence, ends]).toEqual([1, [undefined]]);
  log.append([entry(2)], (error) => ends.push(error));
  log.settle();
  expect([log.sequence, ends]).toEqual([2, [undefined, undefined]]);
  storage.finishSyncs();
  expect(ends).toHaveLength(2);
  log.close();
  expect(openLog(storage.afterPowerFailure(Math.random)).lines).toEqual([entry(1), entry(2)]);
});

test("on a slow disk, a sync that fails is reported, and the next batch begins a new segment", () => {
  for (const way of ["finishSyncs", "settle"] as const) {
    const storage = new FaultyStorage();
    const log = openSlow(storage);
    const ends: unknown[] = [];
    log.append([entry(1)], () => {});
    storage.finishSyncs();
    log.append([entry(2)], (error) => ends.push(error));
    storage.failAfter(1);
    if (way === "settle") log.settle();
    else storage.finishSyncs();
    expect(ends).toEqual([expect.objectContaining({ code: "STORAGE_UNAVAILABLE" })]);
    log.append([entry(3)], (error) => ends.push(error));
    log.settle();
    expect(ends).toHaveLength(2);
    expect(log.segments).toHaveLength(2);
    log.close();
    expect(openLog(storage.afterKill()).lines).toEqual([entry(1), entry(3)]);
  }
});

test("on a slow disk, a late sync that fails takes no batch with it that came after it", () => {
  const storage = new FaultyStorage();
  const log = openSlow(storage);
  const ends: unknown[] = [];
  const end = (error: unknown) => ends.push(error);
  log.append([entry(1)], end);
  log.settle();
  log.append([entry(2)], end);
  // The sync of the first batch on the other thread drops what was written for the second one.
  storage.failAfter(1);
  storage.finishSyncs();
  expect(ends).toEqual([undefined, expect.objectContaining({ code: "STORAGE_UNAVAILABLE" })]);
  log.append([entry(3)], end);
  storage.finishSyncs();
  expect(ends.at(-1)).toBeUndefined();
  log.close();
  expect(openLog(storage.afterPowerFailure(() => 0)).lines).toEqual([entry(1), entry(3)]);
});

/** An error of the log about a machine that has stopped. */
function isStop(error: unknown): boolean {
  if (error instanceof MachineStopped) return true;
  return error instanceof Error && error.cause instanceof MachineStopped;
}
