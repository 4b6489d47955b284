/**
 * What a long-lived process keeps of the shell that started it. `serve` and `agent` work in `/` and
 * create private files. Their relative paths stay relative to the directory of the shell, also for
 * the process that replaces them, when that directory may be gone.
 */
import { resolve } from "node:path";
import type { ArgsDef } from "citty";

/** Names the start directory for the process that replaces this one. */
const startVariable = "WSCTL_START_DIRECTORY";

/** Whether this process replaces an earlier one of the same agent. */
export function isSuccessor(env = process.env): boolean {
  return env[startVariable] !== undefined;
}

/** Returns an absolute path; `-` for standard input stays. */
export function fromStart(path: string): string {
  return path === "-" ? path : resolve(process.env[startVariable] ?? process.cwd(), path);
}

/**
 * Returns the values of a command with absolute paths in place of files and directories.
 * @param args The definitions of the flags; `valueHint` says which take a path.
 */
export function withAbsolutePaths<T extends object>(values: T, args: ArgsDef): T {
  const entries = Object.entries(values).map(([name, value]) => {
    const definition = args[name];
    const isPath = definition?.valueHint === "FILE" || definition?.valueHint === "DIR";
    return [name, isPath && typeof value === "string" && value !== "" ? fromStart(value) : value];
  });
  return Object.fromEntries(entries) as T;
}

/** Leaves the start directory and its file mode mask; paths must be absolute from here on. */
export function leaveStartDirectory(): void {
  process.env[startVariable] ??= process.cwd();
  process.chdir("/");
  process.umask(0o077);
}
