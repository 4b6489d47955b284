/** Ways to damage a file, and what a program that is given one says to it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Running } from "../support/processes/processes.ts";
import { testBinary, within } from "./world.ts";

export interface Damage {
  what: string;
  apply(bytes: Buffer): Buffer;
}

export function flip(offset: number, bit: number): Damage {
  return {
    what: `bit ${bit} of byte ${offset} flipped`,
    apply: (bytes) => {
      const damaged = Buffer.from(bytes);
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << bit);
      return damaged;
    },
  };
}

export function cutTo(length: number): Damage {
  return {
    what: `cut to ${length} bytes`,
    apply: (bytes) => Buffer.from(bytes.subarray(0, length)),
  };
}

export function garbage(length: number): Damage {
  return {
    what: `${length} bytes of something else`,
    apply: () => Buffer.from(Array.from({ length }, (_, index) => (index * 151 + 89) % 256)),
  };
}

/** What no reader can take for its own: the name of the format, its page size, its owner. */
export const fatal: readonly Damage[] = [
  ...[0, 5, 14, 15].map((offset) => flip(offset, 0)),
  ...[4, 7].map((bit) => flip(16, bit)),
  flip(17, 0),
  ...[60, 62, 63].map((offset) => flip(offset, 3)),
  ...[68, 69, 70, 71].map((offset) => flip(offset, 5)),
  ...[2, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, 8192, 12_288].map(cutTo),
  ...[2, 100, 5_000, 100_000].map(garbage),
];

/** Starts a program and waits until it either works or has given up. */
export async function starts(
  args: string[],
  works: RegExp,
): Promise<{ process: Running; works: boolean }> {
  const process = new Running([testBinary, ...args]);
  const worked = process.logged(works).then(
    () => true,
    () => false,
  );
  const isUp = await within(20_000, `start or refusal: ${args.join(" ")}`, worked);
  if (!isUp && !process.hasExited) await process.kill();
  return { process, works: isUp };
}

/** The file with everything in it that was in its log. */
export function wholeFile(path: string): Buffer {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  return readFileSync(path);
}

/** Writes the file, without the log that an earlier one may have left beside it. */
export function writeAlone(file: string, bytes: Buffer): void {
  rmSync(`${file}-wal`, { force: true });
  rmSync(`${file}-shm`, { force: true });
  writeFileSync(file, bytes);
}

/** Damages a file and says what a refusal of it lacks; nothing for a good one. */
export async function refusalFaults(
  file: string,
  whole: Buffer,
  damage: Damage,
  args: string[],
): Promise<string[]> {
  const damaged = damage.apply(whole);
  writeAlone(file, damaged);
  const { process, works } = await starts(args, /serving on|connected|waiting/);
  await process.kill();
  if (works) return [`${damage.what}: it started all the same`];
  return refused(process, await process.exited, file, damaged).map(
    (fault) => `${damage.what}: ${fault}`,
  );
}

/** Whether this process refused a file as it should, and left it as it was. */
export function refused(process: Running, status: number, file: string, damaged: Buffer): string[] {
  const text = process.lines.join("\n").slice(0, 300);
  const faults: string[] = [];
  if (status === 0 || status > 128) faults.push(`ended with ${status}`);
  if (!text.includes(file)) faults.push(`does not name ${file}: ${text}`);
  if (/^\s+at .*:\d+/m.test(text)) faults.push(`shows a stack: ${text}`);
  if (!readFileSync(file).equals(damaged)) faults.push("the file was changed");
  return faults;
}
