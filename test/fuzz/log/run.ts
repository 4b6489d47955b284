/**
 * Damages logs, opens them, and judges what a start makes of each: it refuses the log and names a
 * file, or it finds the right entries, from the first one of the log to one that its head names or
 * a later one. Nothing that is intact may be left out behind what is damaged. What changes while a
 * log is open is refused, or not seen.
 */
import { headOf } from "../../sim/damage.ts";
import type { FaultyStorage } from "../../sim/faultyStorage.ts";
import { Random } from "../../sim/random.ts";
import { damages } from "./damage.ts";
import { type MadeLog, makeLog } from "./generate.ts";
import { type Opened, open } from "./open.ts";

/** So many damaged copies are made of one log. */
const copiesOfLog = 25;
const refusal =
  /^Cannot (use the log file "\/log\/[\w.]+": \S|read the log "\/log": ENOENT: no such file "\w+)/;

const all = Object.keys(damages);
/** One entry is read without the chain, which alone can tell one that somebody edited. */
const accidents = all.filter((kind) => kind !== "edited entry");

export interface Report {
  logs: number;
  /** What was met, and how often. */
  met: Map<string, number>;
  failure?: { seed: number; why: string };
}

/** @param from the first seed; each seed is one damaged log */
export function damageLogs(from: number, count: number, onDone = (_done: number) => {}): Report {
  const met = new Map<string, number>();
  let made = makeLog(new Random(0, 7));
  for (let seed = from; seed < from + count; seed++) {
    const begun = seed - (seed % copiesOfLog);
    if (seed === begun || seed === from) made = makeLog(new Random(begun, 7));
    try {
      for (const what of damageOne(made, new Random(seed, 8)))
        met.set(what, (met.get(what) ?? 0) + 1);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { logs: seed - from, met, failure: { seed, why } };
    }
    onDone(seed - from + 1);
  }
  return { logs: count, met };
}

/** Returns what was met. @throws an error that says what is wrong */
function damageOne(made: MadeLog, random: Random): string[] {
  const { owner, storage, lines } = made;
  const copy = storage.afterKill();
  const kinds = damage(copy, random.chance(0.7) ? 1 : random.int(2, 4), all, random);
  const damaged = copy.afterKill();
  const opened = attempt(() => open(copy, owner));
  if (opened === undefined) return [...kinds, "refused"];
  const { log, entries } = opened;
  const first = [...lines.keys()][0] ?? 1;
  entries.forEach(({ sequence, line }, index) => {
    assert(sequence === first + index, `entry ${sequence} is out of order, after ${kinds}`);
    assert(line === lines.get(sequence), `entry ${sequence} is wrong, after ${kinds}`);
  });
  const last = entries.at(-1)?.sequence ?? log.sequence;
  assert(last === log.sequence, `the log ends with ${log.sequence}, not with ${last}`);
  assert(last >= (headOf(copy) ?? 0), `entries after ${last} are missing, after ${kinds}`);
  const left = intactAfter(made, damaged, last);
  assert(left === undefined, `entry ${left} is intact and is left out, after ${kinds}`);
  const whole = entries.length === lines.size ? "whole" : "a part";
  readAll(opened, lines);
  const again = appendTo(opened, copy, owner);
  damage(copy, 1, accidents, random);
  attempt(() => readAll(opened, again));
  return [...kinds, whole];
}

/** Returns the first entry that is intact where it was, behind the first missing batch. */
function intactAfter(
  { batches }: MadeLog,
  damaged: FaultyStorage,
  last: number,
): number | undefined {
  const names = damaged.list();
  const missing = batches.filter(({ first }) => first > last).slice(1);
  return missing.find(({ name, offset, bytes }) => {
    if (!names.includes(name)) return false;
    return Buffer.from(bytes).equals(damaged.bytesOf(name).slice(offset, offset + bytes.length));
  })?.first;
}

/** Returns the names of what was done. */
function damage(
  storage: FaultyStorage,
  times: number,
  among: readonly string[],
  random: Random,
): string[] {
  const kinds: string[] = [];
  for (let time = 0; time < times; time++) {
    const names = storage.list().filter((name) => storage.bytesOf(name).length > 0);
    if (names.length === 0) break;
    const kind = random.pick(among);
    damages[kind]?.(storage, random.pick(names), random);
    kinds.push(kind);
  }
  return kinds;
}

/** Returns undefined if the log is refused by name. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && refusal.test(error.message)) return undefined;
    throw error;
  }
}

function readAll({ log, entries }: Opened, lines: ReadonlyMap<number, string>): void {
  for (const entry of entries) {
    const line = attempt(() => log.read(entry)) ?? entry.line;
    assert(line === entry.line, `entry ${entry.sequence} reads as another one`);
  }
  const first = entries[0]?.sequence ?? 1;
  log.scan(first - 1, ({ sequence, line }) => {
    assert(line === lines.get(sequence), `entry ${sequence} is another one in a scan`);
    return true;
  });
}

/** What is appended to a log that was damaged is there after the next start. */
function appendTo(
  { log, entries }: Opened,
  storage: FaultyStorage,
  owner: MadeLog["owner"],
): Map<number, string> {
  const line = '{"type":"added"}';
  log.append([line], () => {});
  const added = { sequence: log.sequence, line };
  const expected = [...entries, added];
  const found = open(storage.afterKill(), owner).entries;
  assert(
    found.length === expected.length &&
      found.every((entry, index) => entry.line === expected[index]?.line),
    `${expected.length} entries, and ${found.length} after the next start`,
  );
  return new Map(found.map((entry) => [entry.sequence, entry.line]));
}

function assert(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}
