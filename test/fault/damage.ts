/** Ways to damage a file, and what a program that is given one says to it. */
import { readFileSync, writeFileSync } from "node:fs";
import { Running } from "../support/processes/processes.ts";
import { within } from "./waits.ts";
import { testBinary } from "./world.ts";

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

/** Damages a file and says what a refusal of it lacks; nothing for a good one. */
export async function refusalFaults(
  file: string,
  whole: Buffer,
  damage: Damage,
  args: string[],
): Promise<string[]> {
  const damaged = damage.apply(whole);
  writeFileSync(file, damaged);
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
