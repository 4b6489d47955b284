/**
 * The operator's own commands on this host: every manifest in one directory, read again whenever a
 * file there has changed, so that nothing needs a restart. A faulty one harms no other.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { type Program, readProgram } from "./manifest.ts";

const manifestBytesMax = 256 * 1024;

/** What one file says, or why it says nothing. */
export type Listed =
  | { file: string; program: Program; fault?: never }
  | { file: string; program?: never; fault: string };

export class Catalogue {
  readonly #dir: string;
  readonly #taken: ReadonlySet<string>;
  readonly #log: Log;
  #signature = "";
  #listed: Listed[] = [];

  /** `taken`: names that are commands already. */
  constructor(dir: string, taken: Iterable<string>, log: Log) {
    this.#dir = dir;
    this.#taken = new Set(taken);
    this.#log = log;
  }

  /** Undefined where there is none of that name. */
  find(name: string): Listed | undefined {
    const listed = this.list();
    return (
      listed.find(({ program }) => program?.name === name) ??
      listed.find(({ file, fault }) => fault !== undefined && file === `${name}.toml`)
    );
  }

  /** As the directory stands now, by file name. */
  list(): Listed[] {
    const { signature, files } = look(this.#dir);
    if (signature === this.#signature) return this.#listed;
    this.#signature = signature;
    this.#listed = [];
    for (const file of files) this.#listed.push(this.#read(file));
    for (const { file, fault } of this.#listed) {
      if (fault !== undefined) this.#log.warn(`a manifest is left out: ${fault}`, { file });
    }
    return this.#listed;
  }

  #read(file: string): Listed {
    try {
      const path = join(this.#dir, file);
      refuseForeign(this.#dir, file);
      const program = readProgram(file, readFileSync(path, "utf8"));
      const isDouble = this.#listed.some((other) => other.program?.name === program.name);
      if (this.#taken.has(program.name) || isDouble) {
        throw new WsctlError("USAGE", `${file}: there is a command "${program.name}" already`);
      }
      return { file, program };
    } catch (error) {
      return { file, fault: errorText(error) };
    }
  }
}

/** Whoever may write a manifest may run anything: strangers must not. */
function refuseForeign(dir: string, file: string): void {
  for (const path of [dir, join(dir, file)]) {
    const { mode, size } = statSync(path);
    if ((mode & 0o002) !== 0) {
      const mend = `take that right away with "chmod o-w ${path}"`;
      throw new WsctlError("USAGE", `${file}: everybody may write to ${path}: ${mend}`);
    }
    if (path !== dir && size > manifestBytesMax) {
      throw new WsctlError("USAGE", `${file}: is over ${manifestBytesMax} bytes`);
    }
  }
}

/** A missing directory is one without manifests. */
function look(dir: string): { signature: string; files: string[] } {
  try {
    const files = readdirSync(dir).filter((file) => file.endsWith(".toml") && file[0] !== ".");
    files.sort();
    const marks = ["", ...files].map((file) => {
      const { mtimeMs, ctimeMs, size, ino } = statSync(join(dir, file));
      return [file, mtimeMs, ctimeMs, size, ino].join(":");
    });
    return { signature: marks.join("\n"), files };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A file that went away between the two looks is seen as gone by the next one.
    if (code === "ENOENT" || code === "ENOTDIR") return { signature: "none", files: [] };
    throw error;
  }
}
