/**
 * Programs with pipes (pipe(2)). Bun connects a child by sockets. On Linux a program cannot open
 * these again as `/dev/stdin` or `/dev/stderr`, and bash takes them for a remote login.
 */
import { closeSync, constants, fchownSync, openSync, writeSync } from "node:fs";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { libc } from "./bunLibc.ts";
import type { PipedProcess, PipedSpawnOptions } from "./runtime.ts";

const retryMs = 10;

/** @throws The error of the operating system if the program cannot be started. */
export function spawnPiped(
  file: string,
  args: readonly string[],
  options: PipedSpawnOptions,
): PipedProcess {
  if (process.platform !== "linux") return spawnConnected(file, args, options);
  const { cwd, env, stdin, pipeOwner } = options;
  const [input, output, errors] = [makePipe(pipeOwner), makePipe(pipeOwner), makePipe(pipeOwner)];
  const stdio = [input.reader, output.writer, errors.writer];
  const toProgram = withoutWaiting(input.writer, constants.O_WRONLY);
  const streams = {
    stdout: readPipe(withoutWaiting(output.reader, constants.O_RDONLY)),
    stderr: readPipe(withoutWaiting(errors.reader, constants.O_RDONLY)),
  };
  try {
    const child = childProcess().spawn(file, args, { cwd, env, detached: true, stdio });
    writePipe(toProgram, Buffer.from(stdin));
    return { child, ...streams };
  } catch (error) {
    closeSync(toProgram);
    throw error;
  } finally {
    for (const fd of stdio) closeSync(fd);
  }
}

/** Other platforms can open a socket again. */
function spawnConnected(
  file: string,
  args: readonly string[],
  { cwd, env, stdin }: PipedSpawnOptions,
): PipedProcess {
  const child = childProcess().spawn(file, args, { cwd, env, detached: true });
  // A program need not read its standard input.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  return { child, stdout: child.stdout, stderr: child.stderr };
}

interface Pipe {
  reader: number;
  writer: number;
}

/** @param owner The user who may open the pipe again by its number. */
function makePipe(owner: number | undefined): Pipe {
  const [reader = -1, writer = -1] = openPipe();
  if (owner !== undefined) fchownSync(writer, owner, -1);
  return { reader, writer };
}

const closeOnExec = 0o2000000;

/** Returns the two descriptors; a program that is started does not inherit them unasked. */
function openPipe(): Int32Array {
  const fds = new Int32Array(2);
  if (libc().pipe2(fds, closeOnExec) === 0) return fds;
  const text = "EMFILE: cannot create a pipe: too many open files";
  throw Object.assign(new Error(text), { code: "EMFILE" });
}

/** Replaces a descriptor by one that never waits; the program's end of the pipe is not affected. */
function withoutWaiting(fd: number, access: number): number {
  const other = openSync(`/dev/fd/${fd}`, access | constants.O_NONBLOCK);
  closeSync(fd);
  return other;
}

/** Bun waits for this descriptor as for a socket; a stream of node:fs would block a thread. */
function readPipe(fd: number): Readable {
  return Readable.fromWeb(Bun.file(fd).stream() as unknown as ReadableStream);
}

/** Writes as the program reads, and ends when it has read all or closed its end. */
function writePipe(fd: number, bytes: Buffer): void {
  let at = 0;
  try {
    while (at < bytes.length) at += writeSync(fd, bytes, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") {
      setTimeout(() => writePipe(fd, bytes.subarray(at)), retryMs);
      return;
    }
    // The program has ended or does not read its input.
  }
  closeSync(fd);
}

/** Loaded with the first program: most commands of the command line start none. */
function childProcess(): typeof import("node:child_process") {
  return process.getBuiltinModule("node:child_process");
}
