/** Whether somebody looks: asked so that only where it may be so the streams are made. */
import { fstatSync } from "node:fs";

const streams = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** Making one of the process's streams takes longer than all the rest of a short command. */
export function isTerminal(name: keyof typeof streams): boolean {
  return isDevice(streams[name]) && process[name].isTTY === true;
}

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    // It was closed by whoever started us.
    return false;
  }
}
