/**
 * What people and programs read: answers on stdout, remarks on stderr. What agents report is
 * hostile text: it is shown without control characters, and kept as it is only in JSON.
 */
import { readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { exitPipeClosed } from "../cli/exit.ts";
import { isTerminal } from "../cli/terminal.ts";

const stdout = 1;
const stderr = 2;

/** One line of the answer. Throws `INTERNAL` when it cannot be written, such as to a full disk. */
export function print(line: string): void {
  printBytes(new TextEncoder().encode(`${line}\n`));
}

/** Part of the answer as it is, whatever it is. */
export function printBytes(bytes: Uint8Array): void {
  refuseClosed();
  try {
    writeAll(stdout, bytes);
  } catch (error) {
    // Whoever read has gone, as behind `| head -1`: what remains has no reader.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(exitPipeClosed);
    throw notWritable(errorText(error));
  }
}

/** A line that must not be lost: throws `INTERNAL` also where whoever read has gone. */
export function deliver(line: string): void {
  refuseClosed();
  try {
    writeAll(stdout, new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    throw notWritable(errorText(error));
  }
}

/**
 * Throws `INTERNAL` where no answer can be given: asked before anything is done that only the
 * answer would tell of.
 */
export function requireStdout(): void {
  refuseClosed();
  try {
    // Nothing is written, but a full device and what was opened for reading alone say so.
    writeSync(stdout, new Uint8Array(0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EAGAIN" && code !== "EPIPE") throw notWritable(errorText(error));
  }
}

let isStdoutThere: boolean | undefined;

function refuseClosed(): void {
  isStdoutThere ??= !wasClosed(stdout);
  if (!isStdoutThere) throw notWritable("it is closed");
}

/**
 * Whether this process was started without the descriptor, as by `>&-`. Bun opens /dev/null in its
 * place, to be closed on exec, which nothing that was inherited can be. Deno's cannot be told from
 * a /dev/null that was meant.
 */
function wasClosed(fd: number): boolean {
  try {
    const [, flags = "0"] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
    return (Number.parseInt(flags, 8) & closeOnExec) !== 0;
  } catch {
    // No such file system here: a descriptor that is missing then fails when it is written to.
    return false;
  }
}

const closeOnExec = 0o2000000;

function notWritable(why: string): WsctlError {
  const text = `Cannot write to standard output: ${why}; send it to a file, a pipe or a terminal`;
  return new WsctlError("INTERNAL", text);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/**
 * The result of a program of the agent's own: into the file that it was told of, so that it is no
 * part of its output; by hand, on the last line.
 */
export function leaveResult(value: unknown): void {
  const file = process.env.WSCTL_RESULT_FILE;
  if (file === undefined) printJson(value);
  else writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
}

/** A remark: progress, advice, errors. A stderr that takes nothing has nobody to be told. */
export function remark(line: string): void {
  try {
    writeAll(stderr, new TextEncoder().encode(`${line}\n`));
  } catch {
    // There is no further place to say it; the exit status still tells.
  }
}

const colours = { green: 32, red: 31, yellow: 33, grey: 90 } as const;

/** Colour only where a person looks at it and has not refused it. */
export function wantsColour(isSeen = isTerminal("stdout")): boolean {
  return isSeen && !process.env.NO_COLOR && process.env.TERM !== "dumb";
}

export function paint(
  colour: keyof typeof colours,
  text: string,
  isColoured = wantsColour(),
): string {
  return isColoured ? `\x1b[${colours[colour]}m${text}\x1b[0m` : text;
}

/** All of standard input, be it a file, a pipe or a socket. */
export function readStdin(): string {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(64 * 1024);
    try {
      const length = readSync(0, chunk, 0, chunk.length, null);
      if (length === 0) return Buffer.concat(chunks).toString("utf8");
      chunks.push(chunk.subarray(0, length));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return Buffer.concat(chunks).toString("utf8");
      if (code !== "EAGAIN") throw error;
      pause();
    }
  }
}

/** A pipe may take only a part at a time, and an exit right after must not cut the rest off. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN") throw error;
      pause();
    }
  }
}

/** Gives the other end a moment: a pipe that does not block says so instead of waiting. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}
