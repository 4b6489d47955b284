/** How much memory a process takes. */
import { readFileSync } from "node:fs";

/** The largest memory that a process has held, in bytes. */
export function peakBytes(pid: number | "self"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}
