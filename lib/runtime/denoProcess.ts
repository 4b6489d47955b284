/** Processes under Deno: this one, its successor, and the programs that it starts. */
import { spawn } from "node:child_process";
import { lockExclusiveNow, openLibc } from "./libc.ts";
import type { PipedProcess, PipedSpawnOptions } from "./runtime.ts";

/** The part of the Deno namespace that is used. */
interface DenoNamespace {
  mainModule: string;
  execPath(): string;
  dlopen(
    file: string,
    symbols: { execve: { parameters: ["buffer", "buffer", "buffer"]; result: "i32" } },
  ): { symbols: { execve(file: Uint8Array, args: BigUint64Array, env: BigUint64Array): number } };
  dlopen(
    file: string,
    symbols: { flock: { parameters: ["i32", "i32"]; result: "i32" } },
  ): { symbols: { flock(fd: number, operation: number): number } };
  dlopen(
    file: string,
    symbols: { waitpid: { parameters: ["i32", "buffer", "i32"]; result: "i32" } },
  ): { symbols: { waitpid(pid: number, status: null, options: number): number } };
  UnsafePointer: { of(bytes: Uint8Array): unknown; value(pointer: unknown): bigint };
}
const deno = (globalThis as unknown as { Deno: DenoNamespace }).Deno;

const noHang = 1;
let waitpid: ((pid: number, status: null, options: number) => number) | undefined;

export function self(): string[] {
  return [deno.execPath(), "run", "-A", deno.mainModule];
}

/** Deno connects a child by pipes. */
export function spawnPiped(
  file: string,
  args: readonly string[],
  { cwd, env, stdin }: PipedSpawnOptions,
): PipedProcess {
  const child = spawn(file, args, { cwd, env, detached: true });
  // A program need not read its standard input.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  return { child, stdout: child.stdout, stderr: child.stderr };
}

export function reap(pid: number): void {
  waitpid ??= openLibc((name) =>
    deno.dlopen(name, { waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" } }),
  ).symbols.waitpid;
  waitpid(pid, null, noHang);
}

/** Deno has no execve, so libc's is called through FFI. Returns only by throwing. */
export function reexec(): never {
  const encoder = new TextEncoder();
  const kept: Uint8Array[] = [];
  const cString = (text: string) => {
    const bytes = encoder.encode(`${text}\0`);
    kept.push(bytes);
    return bytes;
  };
  const pointers = (texts: string[]) => {
    const list = new BigUint64Array(texts.length + 1);
    texts.forEach((text, index) => {
      list[index] = deno.UnsafePointer.value(deno.UnsafePointer.of(cString(text)));
    });
    return list;
  };
  const args = [...self(), ...process.argv.slice(2)];
  const env = Object.entries(process.env).map(([key, value]) => `${key}=${value}`);
  const { symbols } = openLibc((name) =>
    deno.dlopen(name, { execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" } }),
  );
  symbols.execve(cString(deno.execPath()), pointers(args), pointers(env));
  throw new Error(`execve of "${deno.execPath()}" failed (${kept.length} arguments)`);
}

export function tryLock(fd: number): boolean {
  const { symbols } = openLibc((name) =>
    deno.dlopen(name, { flock: { parameters: ["i32", "i32"], result: "i32" } }),
  );
  return symbols.flock(fd, lockExclusiveNow) === 0;
}
