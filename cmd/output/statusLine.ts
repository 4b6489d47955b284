/** One line on stderr that is drawn anew and wiped again: where it goes, and whether anybody looks. */
import { writeSync } from "node:fs";
import { isTerminal } from "../cli/terminal.ts";

export interface StatusLine {
  write(text: string): void;
  /** A program sees nothing of it. */
  isShown: boolean;
  columns(): number;
  /** Milliseconds that only grow. */
  now(): number;
}

/** Drawing more often than this shows nobody more. */
export const drawMs = 100;
export const clearLine = "\r\x1b[K";

const stderr = 2;

export function terminalLine(): StatusLine {
  return {
    write: (text) => {
      try {
        writeSync(stderr, text);
      } catch {
        // A terminal that takes nothing now: the next drawing says it again.
      }
    },
    isShown: isTerminal("stderr") && process.env.TERM !== "dumb",
    columns: () => process.stderr.columns ?? 80,
    now: () => performance.now(),
  };
}
