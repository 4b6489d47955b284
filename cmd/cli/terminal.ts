/** Whether a standard stream is a terminal, determined without creating the stream if possible. */
import { fstatSync } from "node:fs";

const streams = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** Creating a stream of the process takes longer than the rest of a short command. */
export function isTerminal(name: keyof typeof streams): boolean {
  return isDevice(streams[name]) && process[name].isTTY === true;
}

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    // The parent process closed the stream.
    return false;
  }
}

/** A serial line or the terminal of a container may report no size: then it counts as 80 × 24. */
export function terminalSize(name: "stdout" | "stderr"): { columns: number; rows: number } {
  const { columns, rows } = process[name];
  return { columns: columns || 80, rows: rows || 24 };
}
