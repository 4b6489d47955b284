/** Ways in which the files of a log are damaged while no process has them open. */
import { batchesIn, edit } from "../../sim/damage.ts";
import type { FaultyStorage } from "../../sim/faultyStorage.ts";
import type { Random } from "../../sim/random.ts";

const sectorBytes = 512;

type Damage = (storage: FaultyStorage, name: string, random: Random) => void;

export const damages: Record<string, Damage> = {
  "flipped bit": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const at = random.int(0, bytes.length - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 7));
  },
  "flipped bit in a header": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const at = random.int(0, Math.min(bytes.length, 200) - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 7));
  },
  "cut file": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    storage.put(name, bytes.slice(0, random.int(0, bytes.length)));
  },
  "longer file": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const longer = new Uint8Array(bytes.length + random.int(1, 2_000));
    longer.set(bytes);
    if (random.chance(0.5)) fillAtRandom(longer, bytes.length, longer.length, random);
    storage.put(name, longer);
  },
  "lost sectors": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const at = sectorOf(bytes, random);
    bytes.fill(0, at, at + sectorBytes * random.int(1, 3));
  },
  "misdirected sectors": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const from = sectorOf(bytes, random);
    bytes.copyWithin(sectorOf(bytes, random), from, from + sectorBytes * random.int(1, 3));
  },
  "bytes of another file": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const other = storage.bytesOf(random.pick(storage.list()));
    const at = random.chance(0.5) ? sectorOf(bytes, random) : random.int(0, bytes.length - 1);
    const length = Math.min(other.length, bytes.length - at, random.int(1, 1_500));
    bytes.set(other.subarray(0, length), at);
  },
  "bytes at random": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const at = random.int(0, bytes.length - 1);
    fillAtRandom(bytes, at, Math.min(bytes.length, at + random.int(1, 100)), random);
  },
  "moved bytes": (storage, name, random) => {
    const bytes = storage.bytesOf(name);
    const [to, from] = [random.int(0, bytes.length - 1), random.int(0, bytes.length - 1)];
    bytes.copyWithin(to, from, from + random.int(1, 700));
  },
  "edited entry": (storage, name, random) => {
    const batches = name.endsWith(".log") ? batchesIn(storage, name) : [];
    if (batches.length === 0) return;
    edit(storage.bytesOf(name), random.pick(batches), (below) => random.int(0, below - 1));
  },
  "missing file": (storage, name) => storage.lose(name),
  "file in the place of another": (storage, name, random) => {
    storage.put(name, storage.bytesOf(random.pick(storage.list())));
  },
  "file of another name": (storage, name, random) => {
    const digits = String(random.int(0, 200)).padStart(16, "0");
    storage.put(random.pick([`${digits}.log`, "head", "notes.txt"]), storage.bytesOf(name));
  },
};

function sectorOf(bytes: Uint8Array, random: Random): number {
  return random.int(0, Math.floor((bytes.length - 1) / sectorBytes)) * sectorBytes;
}

function fillAtRandom(bytes: Uint8Array, from: number, to: number, random: Random): void {
  for (let at = from; at < to; at++) bytes[at] = random.int(0, 255);
}
