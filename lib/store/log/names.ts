/** The names of a log's files in its directory. */
import type { LogStorage } from "./storage.ts";

export const headName = "head";

/** The suffix of a file that is not yet part of the log, which a start removes. */
export const unfinishedSuffix = ".new";

const nameDigits = 16;

/** Returns the name of the segment that begins with a sequence. */
export function segmentName(first: number): string {
  return `${String(first).padStart(nameDigits, "0")}.log`;
}

/** Returns the first sequences of all segments, ascending. */
export function segmentsIn(storage: LogStorage): number[] {
  const found: number[] = [];
  for (const name of storage.list()) {
    const [, digits] = /^(\d{16})\.log$/.exec(name) ?? [];
    if (digits !== undefined) found.push(Number(digits));
  }
  return found.sort((a, b) => a - b);
}
