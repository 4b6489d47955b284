/**
 * What the operator has written for this host: every manifest in one directory, read again whenever
 * a file there has changed, so that nothing needs a restart. A faulty one harms no other.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../log/log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";

const manifestBytesMax = 256 * 1024;
/** More are left out: each is looked at every few seconds. */
export const manifestsMax = 1_000;

/** What one file says, or why it says nothing. */
export type ListedManifest<Item> =
  | { file: string; item: Item; fault?: never }
  | { file: string; item?: never; fault: string };

/** Reads one file, or throws `USAGE` saying what is wrong with it. */
export type ReadItem<Item> = (fileName: string, text: string) => Item;

export class ManifestDirectory<Item extends { name: string }> {
  readonly #read: ReadItem<Item>;
  readonly #dir: string;
  readonly #taken: ReadonlySet<string>;
  readonly #log: Log;
  #signature = "";
  #listed: ListedManifest<Item>[] = [];
  readonly #names = new Set<string>();

  /** `taken`: names that are commands already. */
  constructor(dir: string, read: ReadItem<Item>, taken: Iterable<string>, log: Log) {
    this.#read = read;
    this.#dir = dir;
    this.#taken = new Set(taken);
    this.#log = log;
  }

  /** Undefined where there is none of that name. */
  find(name: string): ListedManifest<Item> | undefined {
    const listed = this.list();
    return (
      listed.find(({ item }) => item?.name === name) ??
      listed.find(({ file, fault }) => fault !== undefined && file === `${name}.toml`)
    );
  }

  /** The names that may be asked for: of a faulty manifest the answer says what is wrong with it. */
  names(): string[] {
    return this.list().map(({ item, file }) => item?.name ?? file.replace(/\.toml$/, ""));
  }

  /** As the directory stands now, by file name. */
  list(): ListedManifest<Item>[] {
    const { signature, files } = readDirectory(this.#dir);
    if (signature === this.#signature) return this.#listed;
    this.#signature = signature;
    this.#listed = [];
    this.#names.clear();
    for (const file of files.slice(0, manifestsMax)) this.#listed.push(this.#load(file));
    const [file] = files.slice(manifestsMax);
    if (file !== undefined) {
      const fault = `${file}: it and those after it are left out: at most ${manifestsMax} are read`;
      this.#listed.push({ file, fault });
    }
    for (const { file, fault } of this.#listed) {
      if (fault !== undefined) this.#log.warn(`a manifest is left out: ${fault}`, { file });
    }
    return this.#listed;
  }

  #load(file: string): ListedManifest<Item> {
    try {
      const path = join(this.#dir, file);
      assertOwnFile(this.#dir, file);
      const item = this.#read(file, readFileSync(path, "utf8"));
      if (this.#taken.has(item.name) || this.#names.has(item.name)) {
        throw new WsctlError("USAGE", `${file}: the name "${item.name}" is taken already`);
      }
      this.#names.add(item.name);
      return { file, item };
    } catch (error) {
      return { file, fault: errorText(error) };
    }
  }
}

/** Whoever may write a manifest may run anything: strangers must not. */
function assertOwnFile(dir: string, file: string): void {
  for (const path of [dir, join(dir, file)]) {
    const stats = statSync(path);
    const { mode, size } = stats;
    if (path !== dir && !stats.isFile()) {
      throw new WsctlError("USAGE", `${file}: is no file`);
    }
    if ((mode & 0o002) !== 0) {
      const fix = `take that right away with "chmod o-w ${path}"`;
      throw new WsctlError("USAGE", `${file}: everybody may write to ${path}: ${fix}`);
    }
    if (path !== dir && size > manifestBytesMax) {
      throw new WsctlError("USAGE", `${file}: is over ${manifestBytesMax} bytes`);
    }
  }
}

/** A missing directory is one without manifests, and so is one that cannot be read. */
function readDirectory(dir: string): { signature: string; files: string[] } {
  try {
    const files = readdirSync(dir).filter((file) => file.endsWith(".toml") && file[0] !== ".");
    files.sort();
    const looked = ["", ...files.slice(0, manifestsMax)].map((file) => fileMark(dir, file));
    return { signature: [files.length, ...looked].join("\n"), files };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // One that cannot be read is no reason to end: it is looked at again.
    return { signature: code, files: [] };
  }
}

/** A file that cannot be looked at, such as a link that leads nowhere, harms no other. */
function fileMark(dir: string, file: string): string {
  try {
    const { mtimeMs, ctimeMs, size, ino } = statSync(join(dir, file));
    return [file, mtimeMs, ctimeMs, size, ino].join(":");
  } catch (error) {
    return `${file}:${(error as NodeJS.ErrnoException).code}`;
  }
}
