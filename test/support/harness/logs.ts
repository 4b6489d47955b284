/** Logs on a storage in memory, and what a test does with them. */
import { expect } from "bun:test";
import { constants, zstdCompressSync } from "node:zlib";
import type { CompressBlock } from "../../../lib/store/log/compressed/blocks.ts";
import { DurableLog } from "../../../lib/store/log/durableLog.ts";
import type { LogEntry } from "../../../lib/store/log/segments.ts";
import type { LogStorage } from "../../../lib/store/log/storage.ts";
import { FaultyStorage, MachineStopped } from "../../sim/faultyStorage.ts";

export const segmentBytes = { first: 2048, max: 2048 };

export function openLog(
  storage: LogStorage,
  owner: "agent" | "controlPlane" = "agent",
  compress?: CompressBlock,
) {
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
    policy: { isInline: true, measured: () => {} },
    compress,
    onEntry: (entry) => entries.push(entry),
  });
  const ring = () => {
    for (const run of timers.splice(0)) run();
  };
  return { log, entries, lines: entries.map(({ line }) => line), ring, storage };
}

/** Flips a bit of a file. */
export function flip(storage: FaultyStorage, name: string, at: number): void {
  const bytes = storage.bytesOf(name);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
}

/** Appends on a disk that is quick enough for the event loop. */
export function append(log: DurableLog, lines: string[]): void {
  const { isDurable } = log.append(lines, () => {});
  expect(isDurable).toBe(true);
}

export function entry(number: number, bytes = 40): string {
  return JSON.stringify({ number, filler: "x".repeat(bytes) });
}

/** A deterministic generator (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function refusalOf(storage: LogStorage, owner: "agent" | "controlPlane" = "agent"): string {
  try {
    openLog(storage, owner);
  } catch (error) {
    if (error instanceof MachineStopped) throw error;
    return (error as Error).message;
  }
  return "";
}

const withChecksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

/** A thread that compresses blocks when it is told to, and ends the syncs of a storage. */
export class CompressingThread {
  readonly #waiting: (() => void)[] = [];

  readonly compress: CompressBlock = (plain, done) => {
    this.#waiting.push(() => done(null, zstdCompressSync(plain, withChecksum)));
  };

  /** Takes one step; returns false if nothing is left to do. */
  step(storage: FaultyStorage): boolean {
    const next = this.#waiting.shift();
    next?.();
    storage.finishSyncs();
    return next !== undefined || this.#waiting.length > 0;
  }

  finish(storage: FaultyStorage): void {
    while (this.step(storage));
  }
}

/** A log of many small segments, closed in the regular way. */
export function filled(batches = 60): { storage: FaultyStorage; lines: string[] } {
  const storage = new FaultyStorage();
  const { log } = openLog(storage);
  const lines: string[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const added = Array.from({ length: 1 + (batch % 4) }, (_, at) => entry(batch * 10 + at));
    append(log, added);
    lines.push(...added);
  }
  log.close();
  return { storage: storage.afterKill(), lines };
}

export const segmentNames = (storage: FaultyStorage) =>
  storage
    .list()
    .filter((name) => name.endsWith(".log"))
    .sort();
