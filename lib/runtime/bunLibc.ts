/** Functions of the C library that Bun does not offer (Linux only). */
import { dlopen } from "bun:ffi";
import { openLibc } from "./libc.ts";

interface Libc {
  /** Writes the two descriptors of a pipe. Returns 0 on success. */
  pipe2(fds: Int32Array, flags: number): number;
  /** Returns the process id of a child that was collected. */
  waitpid(pid: number, status: null, options: number): number;
}

let loaded: Libc | undefined;

/** @throws {Error} If the host has no known C library. */
export function libc(): Libc {
  loaded ??= openLibc((name) =>
    dlopen(name, {
      pipe2: { args: ["ptr", "i32"], returns: "i32" },
      waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
    }),
  ).symbols as unknown as Libc;
  return loaded;
}
