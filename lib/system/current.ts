/** The only place that chooses the operating system. */
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { posix } from "./posix.ts";
import type { System } from "./system.ts";
import { type WindowsEdge, windowsSystem } from "./windows.ts";

export const isWindows = process.platform === "win32";

export const system: System = isWindows ? windowsSystem(windowsEdge()) : posix;

function windowsEdge(): WindowsEdge {
  return {
    run(file, args) {
      const { spawnSync } = process.getBuiltinModule("node:child_process");
      spawnSync(file, args, { stdio: "ignore", windowsHide: true });
    },
    exists: (pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    },
    isDirectory: (path) => statSync(path).isDirectory(),
    flush: (path) => {
      const file = openSync(path, "r+");
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
    execPath: process.execPath,
    root: process.env.SystemRoot ?? "C:\\Windows",
  };
}
