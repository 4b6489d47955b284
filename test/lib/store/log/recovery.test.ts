/** What a start makes of a log that is torn, damaged, incomplete or somebody else's. */
import { expect, test } from "bun:test";
import { align, batchHeaderBytes, headerBytes } from "../../../../lib/store/log/format.ts";
import type { LogEntry } from "../../../../lib/store/log/segments.ts";
import { FaultyStorage } from "../../../sim/faultyStorage.ts";
import {
  append,
  entry,
  filled,
  flip,
  openLog,
  randomOf,
  refusalOf,
  segmentNames,
} from "../../../support/harness/logs.ts";

test("a torn tail is removed once, and reported", () => {
  let torn = 0;
  for (let seed = 0; seed < 200; seed++) {
    const storage = new FaultyStorage();
    append(openLog(storage).log, [entry(1)]);
    storage.stopAtSync();
    const { log } = openLog(storage);
    expect(() => log.append([entry(2, 1500)], () => {})).toThrow();
    const found = openLog(storage.afterPowerFailure(randomOf(seed)));
    if (found.log.tornBytes === 0) continue;
    torn++;
    expect(found.lines).toEqual([entry(1)]);
    append(found.log, [entry(3)]);
    const again = openLog((found.storage as FaultyStorage).afterKill());
    expect([again.log.tornBytes, again.lines]).toEqual([0, [entry(1), entry(3)]]);
  }
  expect(torn).toBeGreaterThan(20);
});

test("log: damage before an intact batch is reported and not treated as a torn tail", () => {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  for (let number = 1; number <= 3; number++) append(log, [entry(number)]);
  const killed = storage.afterKill();
  const [name = ""] = segmentNames(killed);
  flip(killed, name, headerBytes + batchHeaderBytes + 3);
  expect(refusalOf(killed)).toMatch(/entry 1 is damaged, and entry 2 follows it/);
});

test("log: a batch of another copy of the log is refused even at the right offset", () => {
  const before = new FaultyStorage();
  append(openLog(before).log, [entry(1)]);
  const [ours, theirs] = [3, 4].map((number) => {
    const storage = before.afterKill();
    const { log } = openLog(storage);
    append(log, [entry(number)]);
    append(log, [entry(5)]);
    log.close();
    return storage.afterKill();
  });
  if (ours === undefined || theirs === undefined) throw new Error("two copies");
  const [name = ""] = segmentNames(ours);
  const batchBytes = align(batchHeaderBytes + entry(1).length + 1);
  const second = headerBytes + batchBytes;
  ours.bytesOf(name).set(theirs.bytesOf(name).subarray(second, second + batchBytes), second);
  expect(refusalOf(ours)).toMatch(/are missing or damaged|is damaged/);
});

test("an entry that changed on the disk since the start is not returned", () => {
  const { storage } = filled();
  const { log, entries } = openLog(storage);
  const [first] = entries;
  if (first === undefined) throw new Error("no entry");
  const [name = ""] = segmentNames(storage);
  flip(storage, name, first.offset + batchHeaderBytes + 3);
  expect(() => log.read(first)).toThrow(/is damaged at byte 96: entry 1 does not verify/);
});

test.each([["the control plane's log", "controlPlane", /it is the log of an agent/]] as const)(
  "a log of another program is refused: %s",
  (_, owner, expected) => {
    expect(refusalOf(filled().storage, owner)).toMatch(expected);
  },
);

test("a segment that is removed while the log is open is named when it is read", () => {
  const { storage } = filled();
  const { log, entries } = openLog(storage);
  const [first] = entries;
  storage.lose(segmentNames(storage)[0] ?? "");
  const named = /^Cannot read the log "\/log": ENOENT/;
  expect(() => log.read(first as LogEntry)).toThrow(named);
  expect(() => log.scan(0, () => true)).toThrow(named);
});

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
  for (let batch = 0; batch < 40; batch++) append(log, [entry(9_000 + batch)]);
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
