/** Logs as machines leave them: closed, killed, without power, with segments removed. */
import type { LogOwner } from "../../../lib/store/log/format.ts";
import { batchesIn } from "../../sim/damage.ts";
import { FaultyStorage } from "../../sim/faultyStorage.ts";
import type { Random } from "../../sim/random.ts";
import { CompressingThread } from "../../support/harness/logs.ts";
import { open } from "./open.ts";

export interface MadeLog {
  owner: LogOwner;
  storage: FaultyStorage;
  /** The entries by their sequence, as a start finds them while nothing is damaged. */
  lines: Map<number, string>;
  /** The batches, in order, with where they stand. */
  batches: { first: number; name: string; offset: number; bytes: Uint8Array }[];
}

export function makeLog(random: Random): MadeLog {
  const owner = random.pick(["agent", "controlPlane"] as const);
  const segmentBytes = random.pick([1024, 2048, 8192]);
  const written = new FaultyStorage();
  const thread = new CompressingThread();
  const compress = random.chance(0.5) ? thread.compress : undefined;
  const { log } = open(written, owner, segmentBytes, compress);
  const count = random.int(0, 40);
  const add = () => {
    const count = random.int(1, 4);
    const text = () => "é\n".repeat(random.int(0, 3)) + "x".repeat(random.int(0, 300));
    const lines = Array.from({ length: count }, () =>
      JSON.stringify({ type: random.pick(["one", "two"]), at: log.sequence, text: text() }),
    );
    log.append(lines, () => {});
  };
  for (let batch = 0; batch < count; batch++) {
    add();
    thread.step(written);
  }
  if (random.chance(0.3)) log.removeBefore(random.int(1, log.sequence + 1));
  const storage = leave(written, () => log.close(), add, random);
  const { entries } = open(storage.afterKill(), owner);
  const lines = new Map(entries.map(({ sequence, line }) => [sequence, line]));
  const segments = storage.list().filter((name) => name.endsWith(".log"));
  const batches = segments.sort().flatMap((name) =>
    batchesIn(storage, name).map(({ batch, offset }) => {
      const bytes = storage.bytesOf(name).slice(offset, offset + batch.bytes);
      return { first: batch.first, name, offset, bytes };
    }),
  );
  return { owner, storage, lines, batches };
}

/** How the process that wrote the log ended. */
function leave(
  storage: FaultyStorage,
  close: () => void,
  add: () => void,
  random: Random,
): FaultyStorage {
  const way = random.pick(["closed", "killed", "in a write"] as const);
  if (way === "closed") close();
  if (way !== "in a write") return storage.afterKill();
  storage.stopAtSync();
  try {
    add();
  } catch {
    // The machine has stopped.
  }
  return storage.afterPowerFailure(() => random.unit());
}
