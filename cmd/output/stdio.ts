/**
 * Standard output for results, standard error for remarks. Texts of agents are untrusted: they are
 * shown without control characters, which JSON writes as its own escapes.
 */
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { escapeJson } from "../../lib/escapeControls.ts";
import { readDescriptorBytes } from "../../lib/files/readBytes.ts";
import { readDescriptor } from "../../lib/files/readText.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { exitPipeClosed } from "../cli/exit.ts";
import { isTerminal } from "../cli/terminal.ts";

const stdin = 0;
const stdout = 1;
const stderr = 2;

/**
 * Prints one line of the result.
 * @throws {WsctlError} INTERNAL if it cannot be written, for example to a full disk.
 */
export function print(line: string): void {
  printBytes(new TextEncoder().encode(`${line}\n`));
}

/** Prints a part of a line of the result. */
export function printText(text: string): void {
  printBytes(new TextEncoder().encode(text));
}

/** Prints a part of the result unchanged. */
export function printBytes(bytes: Uint8Array): void {
  refuseClosed();
  try {
    writeAll(stdout, bytes);
  } catch (error) {
    // The reader has closed the pipe, as in `| head -1`, so further output is useless.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(exitPipeClosed);
    throw notWritable(error);
  }
}

/**
 * Prints a secret that is shown only once. If it cannot be printed, what has it is of no use, and
 * is removed.
 * @param undo Removes it, and resolves with what has become of it, such as "the new token 1234 was revoked".
 * @throws {WsctlError} INTERNAL with that, if the secret cannot be printed.
 */
export async function deliverSecret(line: string, undo: () => Promise<string>): Promise<void> {
  try {
    refuseClosed();
    writeAll(stdout, new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    const reason = error instanceof WsctlError ? error : notWritable(error);
    throw new WsctlError("INTERNAL", `${reason.message} (${await undo()})`);
  }
}

/**
 * Checks standard output before an action whose result exists only in the output.
 * @throws {WsctlError} INTERNAL if it is not writable.
 */
export function requireStdout(): void {
  refuseClosed();
  try {
    // An empty write fails on a full device and on a read-only descriptor.
    writeSync(stdout, new Uint8Array(0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EAGAIN" && code !== "EPIPE") throw notWritable(error);
  }
}

let isStdoutThere: boolean | undefined;

function refuseClosed(): void {
  isStdoutThere ??= !wasClosed(stdout);
  if (!isStdoutThere) throw notWritable(new Error("it is closed"));
}

/**
 * Whether this process was started without the descriptor, as by `>&-`. Bun opens /dev/null in its
 * place with close-on-exec, which an inherited descriptor cannot have. On Deno it looks like an
 * intended /dev/null.
 */
function wasClosed(fd: number): boolean {
  try {
    const [, flags = "0"] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
    return (Number.parseInt(flags, 8) & closeOnExec) !== 0;
  } catch {
    // There is no `/proc`: a missing descriptor then fails at the first write.
    return false;
  }
}

const closeOnExec = 0o2000000;

function notWritable(error: unknown): WsctlError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const advice = ["ENOSPC", "EDQUOT"].includes(code)
    ? "Free some space on the disk"
    : "Redirect it to a file, a pipe or a terminal";
  const text = `Cannot write to standard output: ${errorText(error)}. ${advice}`;
  return new WsctlError("INTERNAL", text);
}

export function printJson(value: unknown): void {
  print(escapeJson(JSON.stringify(value)));
}

/**
 * Writes the result of a program of the agent into its result file, so that it is no part of the
 * output; without one, on the last line.
 */
export function leaveResult(value: unknown): void {
  const file = process.env.WSCTL_RESULT_FILE;
  if (file === undefined) printJson(value);
  else writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
}

/**
 * Prints a remark: progress, advice or an error. If stderr is not writable, the remark is dropped.
 */
export function remark(line: string): void {
  remarkText(`${line}\n`);
}

/** Prints a part of a remark. */
export function remarkText(text: string): void {
  try {
    writeAll(stderr, new TextEncoder().encode(text));
  } catch {
    // There is no other place to report it; the exit status still shows it.
  }
}

const colours = { green: 32, red: 31, yellow: 33, grey: 90 } as const;

/** Colour is used only on a terminal, unless the environment disables it. */
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

/**
 * Reads all of standard input from a file, a pipe or a socket.
 * @throws {WsctlError} USAGE if it is not text, or too long.
 */
export function readStdin(): string {
  return readStdinOnce(() => readDescriptor(stdin));
}

/**
 * Reads all of standard input unchanged.
 * @param bytesMax The limit, in bytes.
 * @throws {WsctlError} USAGE if it is longer.
 */
export function readStdinBytes(bytesMax: number): Buffer {
  return readStdinOnce(() => readDescriptorBytes(stdin, bytesMax));
}

let isStdinRead = false;

/** A second reader would find nothing and take that for its value. */
function readStdinOnce<T>(read: () => T): T {
  try {
    if (isStdinRead) {
      throw new Error("another flag has read it. Write one of the two values to a file");
    }
    isStdinRead = true;
    return read();
  } catch (error) {
    throw new WsctlError("USAGE", `Cannot read standard input: ${errorText(error)}`);
  }
}

/** A pipe may accept only a part at a time, and an exit right after must not drop the rest. */
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

/** Waits a moment for the reader of a non-blocking pipe. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}
