/** Explains in plain words why a program could not be started. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { errorText } from "../../protocol/errors.ts";

/**
 * Returns the reason in words. For a missing program, a missing interpreter of a script, and a
 * missing directory the operating system reports the same error (execve(2)).
 * @param path The search path of the program.
 */
export function startFault(file: string, directory: string, path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (!existsSync(directory)) return "the directory does not exist";
  if (!statSync(directory).isDirectory()) return "ENOTDIR: this path is not a directory";
  const found = findProgram(file, path);
  if (found === undefined) {
    if (code !== "ENOENT") return errorText(error);
    return file.includes("/")
      ? "ENOENT: the file does not exist. Install it, or correct the path"
      : `ENOENT: no directory of PATH (${path}) has it. Install it, or use an absolute path`;
  }
  if (code === "ENOENT") return missingPart(found);
  if (code === "ENOEXEC") return `ENOEXEC: ${wrongFormat(found)}`;
  if (code === "EACCES") return `EACCES: ${forbidden(found)}`;
  return errorText(error);
}

function missingPart(file: string): string {
  const interpreter = readInterpreter(file);
  if (interpreter === undefined) {
    return "ENOENT: the file exists, but the loader that it needs does not: it was built for another system";
  }
  const advice = interpreter.endsWith("\r")
    ? "save the script with line feeds alone as line ends"
    : "install it, or correct the first line of the script";
  return `ENOENT: the interpreter ${JSON.stringify(interpreter)} of the script does not exist: ${advice}`;
}

/** The kernel knows neither the file nor, for a script, its interpreter as a program. */
function wrongFormat(file: string): string {
  const interpreter = readInterpreter(file);
  if (interpreter !== undefined) {
    const name = JSON.stringify(interpreter);
    return `the interpreter ${name} of the script is not a program of this host. Install the right one`;
  }
  const head = readHead(file);
  if (head.length === 0) return "the file is empty. Copy it to this host again";
  const machine = findMachine(head);
  if (machine !== undefined && machine !== process.arch) {
    return `the file was built for ${machine}, and this host is ${process.arch}. Install the build for this host`;
  }
  return machine !== undefined || head.includes(0)
    ? "the file is not a program of this host, or it is damaged. Copy it to this host again"
    : "the file is a text without an interpreter. Begin it with a line such as #!/bin/sh";
}

function forbidden(file: string): string {
  if (statSync(file).isDirectory()) return "it is a directory. Use the path of a program in it";
  return "this user may not execute the file. Allow it with chmod +x, or run it as another user";
}

/** Names of processors by their numbers in an ELF file (`e_machine`). */
const machines: Record<number, string> = {
  3: "x86 (32 bits)",
  8: "MIPS",
  20: "PowerPC",
  21: "PowerPC (64 bits)",
  22: "S390",
  40: "ARM (32 bits)",
  62: "x64",
  183: "arm64",
  243: "RISC-V",
};

/** Returns the processor, or the system, that a binary was built for. */
function findMachine(head: Buffer): string | undefined {
  const magic = head.toString("latin1", 0, 4);
  if (magic.startsWith("MZ")) return "Windows";
  if (/^[\xce\xcf]\xfa\xed\xfe|^\xca\xfe\xba\xbe/.test(magic)) return "macOS";
  if (magic !== "\x7fELF" || head.length < 20) return undefined;
  const number = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
  return machines[number] ?? `another processor (ELF machine ${number})`;
}

/** Returns the path of an existing program. */
function findProgram(file: string, path: string): string | undefined {
  if (file.includes("/")) return existsSync(file) ? file : undefined;
  const candidates = path.split(delimiter).map((dir) => join(dir, file));
  return candidates.find((candidate) => existsSync(candidate));
}

const headBytesMax = 256;

/** Returns the interpreter in the first line of a script; undefined if the file is no script. */
function readInterpreter(path: string): string | undefined {
  // A carriage return belongs to the name, as for the kernel.
  return /^#![ \t]*([^ \t\n]+)/.exec(readHead(path).toString("utf8"))?.[1];
}

/** Returns the first bytes of a file; none if it cannot be read. */
function readHead(path: string): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const bytes = Buffer.alloc(headBytesMax);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
