/** Linux and macOS. */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import type { System } from "./system.ts";

export const posix: System = {
  hasUsers: true,
  replacesPrograms: true,
  runAddressBytesMax: 107,
  readablePath: "/",
  passedOn: ["LANG", "LC_ALL", "TZ", "TMPDIR"],
  runAddress: (dir) => join(dir, "socket"),
  signal: (root, signal) => {
    try {
      process.kill(-root, signal);
    } catch {
      // The process group has already ended.
    }
  },
  isAlive: (root) => {
    try {
      return process.kill(-root, 0);
    } catch {
      return false;
    }
  },
  sync: (path) => {
    const file = openSync(path, "r");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  refusal: () => undefined,
};
