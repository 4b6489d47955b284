/** Waits with bounds, which say what did not come. */
import type { Running } from "../support/processes/processes.ts";

/** A wait with a bound, that says what did not come. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Until so many lines from `from` on have matched. */
export async function loggedTimes(
  process: Running,
  pattern: RegExp,
  times: number,
  from = 0,
): Promise<void> {
  let next = from;
  for (let count = 0; count < times; count++) {
    await process.logged(pattern, next);
    next = process.lines.findIndex((line, index) => index >= next && pattern.test(line)) + 1;
  }
}

/** The end of a process's log, for messages. */
export function tail(process: Running, lines = 30): string {
  return process.lines.slice(-lines).join("\n");
}
