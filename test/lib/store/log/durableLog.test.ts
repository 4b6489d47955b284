import { expect, test } from "bun:test";
import { DurableLog, type LogEntry } from "../../../../lib/store/log/durableLog.ts";
import type { LogStorage } from "../../../../lib/store/log/storage.ts";
import { FaultyStorage, MachineStopped } from "../../../support/harness/faultyStorage.ts";

const segmentBytes = 2048;

function openLog(storage: LogStorage, owner: "agent" | "controlPlane" = "agent") {
  const entries: LogEntry[] = [];
  const timers: (() => void)[] = [];
  const log = DurableLog.open({
    storage,
    owner,
    segmentBytes,
    clock: {
      after: (_, run) => {
        timers.push(run);
        return () => {};
      },
      wall: () => 1_700_000_000_000,
    },
    onEntry: (entry) => entries.push(entry),
  });
  const ring = () => {
    for (const run of timers.splice(0)) run();
  };
  return { log, entries, lines: entries.map(({ line }) => line), ring };
}

function entry(number: number, bytes = 40): string {
  return JSON.stringify({ number, filler: "x".repeat(bytes) });
}

/** A deterministic generator (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function refusalOf(storage: LogStorage, owner: "agent" | "controlPlane" = "agent"): string {
  try {
    openLog(storage, owner);
  } catch (error) {
    if (error instanceof MachineStopped) throw error;
    return (error as Error).message;
  }
  return "";
}

/** A log of many small segments, closed in the regular way. */
function filled(batches = 60): { storage: FaultyStorage; lines: string[] } {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  const lines: string[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const added = Array.from({ length: 1 + (batch % 4) }, (_, at) => entry(batch * 10 + at));
    log.append(added);
    lines.push(...added);
  }
  log.close();
  return { storage: storage.afterKill(), lines };
}

const segmentNames = (storage: FaultyStorage) =>
  storage
    .list()
    .filter((name) => name.endsWith(".log"))
    .sort();

test("a log returns its entries in order, across segments and restarts", () => {
  const { storage, lines } = filled();
  const again = openLog(storage);
  expect(again.lines).toEqual(lines);
  expect(again.entries.map(({ sequence }) => sequence)).toEqual(lines.map((_, at) => at + 1));
  expect(again.log.segments.length).toBeGreaterThan(3);
  expect(again.log.sequence).toBe(lines.length);
  again.log.append([entry(1_000)]);
  again.log.close();
  expect(openLog(storage.afterKill()).lines).toEqual([...lines, entry(1_000)]);
});

test("a log reads an entry by its place, in the written segment and in closed ones", () => {
  const { storage } = filled();
  const { log, entries } = openLog(storage);
  for (const each of entries) expect(log.read(each)).toBe(each.line);
});

test("a batch that is larger than a segment gets a segment of its size", () => {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  const large = entry(1, 10_000);
  log.append([large]);
  log.append([entry(2)]);
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
      log.append(lines.slice(-1));
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
    for (let life = 0; life < 3; life++) {
      try {
        const opened = openLog(storage);
        expect(opened.lines.length).toBeGreaterThanOrEqual(acknowledged);
        expect(opened.lines).toEqual(written.slice(0, opened.lines.length));
        written = opened.lines.slice();
        for (let batch = 0; batch < 20; batch++) {
          const count = 1 + Math.floor(random() * 3);
          const added = Array.from({ length: count }, (_, at) =>
            entry(written.length + at, Math.floor(random() * 700)),
          );
          written.push(...added);
          opened.log.append(added);
          acknowledged = written.length;
          if (random() < 0.2) opened.ring();
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
        opened.log.append([line]);
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
  log.append([entry(1)]);
  storage.isFull = true;
  expect(() => log.append([entry(2, 5_000)])).toThrow("the disk is full. Free some space");
  expect(() => log.probe()).toThrow("the disk is full");
  storage.isFull = false;
  log.probe();
  log.append([entry(3)]);
  log.close();
  expect(openLog(storage.afterKill()).lines).toEqual([entry(1), entry(3)]);
});

test.each([["the control plane's log", "controlPlane", /it is the log of an agent/]] as const)(
  "a log of another program is refused: %s",
  (_, owner, expected) => {
    expect(refusalOf(filled().storage, owner)).toMatch(expected);
  },
);

test("a log in a newer format is refused by name", async () => {
  const { storage } = filled(1);
  const [name = ""] = segmentNames(storage);
  const bytes = storage.bytesOf(name);
  const { decodeSegmentHeader, encodeSegmentHeader } = await import(
    "../../../../lib/store/log/format.ts"
  );
  const header = decodeSegmentHeader(bytes);
  if (header === undefined) throw new Error("no header");
  bytes.set(encodeSegmentHeader({ ...header, version: 2 }));
  expect(refusalOf(storage)).toMatch(/newer wsctl \(format 2; this version supports 1\)/);
});

test("a missing segment is refused by name, at the beginning, in the middle and at the end", () => {
  const { storage } = filled();
  const names = segmentNames(storage);
  for (const name of names) {
    const copy = storage.afterKill();
    copy.lose(name);
    expect(refusalOf(copy)).toMatch(/^Cannot use the log file ".+": .*(missing|damaged)/);
  }
  const copy = storage.afterKill();
  for (const name of names) copy.lose(name);
  expect(refusalOf(copy)).toMatch(/it is missing, with the entries 1 to \d+/);
});

test("a log whose head is missing or damaged is refused", () => {
  const { storage } = filled();
  const gone = storage.afterKill();
  gone.lose("head");
  expect(refusalOf(gone)).toMatch(/log\/head": it is missing/);
  const empty = storage.afterKill();
  empty.put("head", new Uint8Array(1024));
  expect(refusalOf(empty)).toMatch(/log\/head": it does not verify/);
});

test("a segment of an older copy of the log is refused", () => {
  const { storage } = filled(20);
  const older = storage.afterKill();
  const { log } = openLog(storage);
  for (let batch = 0; batch < 40; batch++) log.append([entry(9_000 + batch)]);
  log.close();
  const mixed = storage.afterKill();
  const last = segmentNames(older).at(-1) ?? "";
  mixed.put(last, older.bytesOf(last));
  expect(refusalOf(mixed)).toMatch(/^Cannot use the log file/);
});

/** WSCTL_LOG_DAMAGES raises the number of damaged logs, such as to 100,000. */
const damages = Number(process.env.WSCTL_LOG_DAMAGES ?? 4_000);

test(`${damages} damaged logs are refused by name, or give the right entries`, () => {
  const { storage, lines } = filled();
  const names = [...segmentNames(storage), "head"];
  const counts = { refused: 0, opened: 0 };
  const random = randomOf(20_260_101);
  for (let run = 0; run < damages; run++) {
    const copy = storage.afterKill();
    damage(copy, names, random);
    let opened: string[];
    try {
      opened = openLog(copy).lines;
    } catch (error) {
      expect((error as Error).message).toMatch(/^Cannot use the log file "\/log\/[\w.]+": /);
      counts.refused++;
      continue;
    }
    // The head knows how far the log was on disk, so no entry may be missing.
    expect(opened).toEqual(lines);
    counts.opened++;
  }
  expect(counts.refused).toBeGreaterThan(damages / 4);
  expect(counts.opened).toBeGreaterThan(0);
});

/** Damages one file in one of several ways. */
function damage(storage: FaultyStorage, names: string[], random: () => number): void {
  const pick = (below: number) => Math.floor(random() * below);
  const name = names[pick(names.length)] ?? "";
  const bytes = storage.bytesOf(name);
  const way = pick(6);
  const at = pick(bytes.length);
  if (way === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
  else if (way === 1) storage.put(name, bytes.slice(0, at));
  else if (way === 2) bytes.fill(0, at, at + 1 + pick(600));
  else if (way === 3) bytes.copyWithin(at, pick(bytes.length), pick(bytes.length));
  else if (way === 4) {
    const other = storage.bytesOf(names[pick(names.length)] ?? "");
    bytes.set(other.subarray(0, Math.min(other.length, bytes.length - at, 700)), at);
  } else for (let index = at; index < at + 64; index++) bytes[index % bytes.length] = pick(256);
}

/** An error of the log about a machine that has stopped. */
function isStop(error: unknown): boolean {
  if (error instanceof MachineStopped) return true;
  return error instanceof Error && error.cause instanceof MachineStopped;
}
