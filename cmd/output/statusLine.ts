/** One line on stderr that is redrawn and cleared, if stderr is a terminal. */
import { writeSync } from "node:fs";
import { isTerminal, terminalSize } from "../cli/terminal.ts";

export interface StatusLine {
  write(text: string): void;
  /** False if stderr is not a terminal. */
  isShown: boolean;
  columns(): number;
  /** Returns milliseconds of a monotonic clock. */
  now(): number;
}

/** More frequent updates would not be visible. */
export const drawMs = 100;
export const clearLine = "\r\x1b[K";

const stderr = 2;

export function terminalLine(): StatusLine {
  return {
    write: (text) => {
      try {
        writeSync(stderr, text);
      } catch {
        // The terminal accepts no output now; the next update draws it.
      }
    },
    isShown: isTerminal("stderr") && process.env.TERM !== "dumb",
    columns: () => terminalSize("stderr").columns,
    now: () => performance.now(),
  };
}
