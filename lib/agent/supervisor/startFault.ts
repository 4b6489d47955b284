/** Explains why a program could not be started, where the operating system's error is ambiguous. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../../protocol/errors.ts";

/**
 * Returns the reason. For a missing program, a missing interpreter of a script, and a missing
 * directory the operating system reports the same error (execve(2)).
 * @param path The search path of the program.
 */
export function startFault(file: string, directory: string, path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (!existsSync(directory)) return "the directory does not exist";
  const found = findProgram(file, path);
  if (code !== "ENOENT" || found === undefined) return errorText(error);
  const interpreter = readInterpreter(found);
  if (interpreter === undefined) {
    return "ENOENT: the file exists, but the loader that it needs does not: it was built for another system";
  }
  const advice = interpreter.endsWith("\r")
    ? "save the script with line feeds alone as line ends"
    : "install it, or correct the first line of the script";
  return `ENOENT: the interpreter ${JSON.stringify(interpreter)} of the script does not exist: ${advice}`;
}

/** Returns the path of an existing program. */
function findProgram(file: string, path: string): string | undefined {
  if (file.includes("/")) return existsSync(file) ? file : undefined;
  const candidates = path.split(":").map((dir) => join(dir, file));
  return candidates.find((candidate) => existsSync(candidate));
}

const interpreterBytesMax = 256;

/** Returns the interpreter in the first line of a script; undefined if the file is no script. */
function readInterpreter(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(interpreterBytesMax);
    const text = bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, 0));
    // A carriage return belongs to the name, as for the kernel.
    return /^#![ \t]*([^ \t\n]+)/.exec(text)?.[1];
  } finally {
    closeSync(descriptor);
  }
}
