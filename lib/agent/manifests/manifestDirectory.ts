/**
 * The manifests in one directory of this host. The directory is read again when a file in it has
 * changed, so no restart is necessary. An invalid manifest does not affect the others.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isOpenToAll, readTextFile } from "../../files/readText.ts";
import type { Log } from "../../log/log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";

const manifestBytesMax = 256 * 1024;
/** More manifests are ignored, because each file is checked every few seconds. */
export const manifestsMax = 1_000;

/** The contents of a file, or why it is invalid. */
export type ListedManifest<Item> =
  | { file: string; item: Item; fault?: never }
  | { file: string; item?: never; fault: string };

/**
 * Parses one file.
 * @throws {WsctlError} USAGE if the file is invalid.
 */
export type ReadItem<Item> = (fileName: string, text: string) => Item;

export class ManifestDirectory<Item extends { name: string }> {
  readonly #read: ReadItem<Item>;
  readonly #dir: string;
  readonly #taken: ReadonlySet<string>;
  readonly #log: Log;
  #signature = "";
  #listed: ListedManifest<Item>[] = [];
  readonly #names = new Set<string>();

  /** @param taken Names that other commands already use. */
  constructor(dir: string, read: ReadItem<Item>, taken: Iterable<string>, log: Log) {
    this.#read = read;
    this.#dir = dir;
    this.#taken = new Set(taken);
    this.#log = log;
  }

  /** Returns the manifest of this name, or undefined if there is none. */
  find(name: string): ListedManifest<Item> | undefined {
    const listed = this.list();
    return (
      listed.find(({ item }) => item?.name === name) ??
      listed.find(({ file, fault }) => fault !== undefined && file === `${name}.toml`)
    );
  }

  /**
   * Returns all names, including those of invalid manifests, for which `find` returns the fault.
   */
  names(): string[] {
    return this.list().map(({ item, file }) => item?.name ?? file.replace(/\.toml$/, ""));
  }

  /** Returns the current manifests, sorted by file name. */
  list(): ListedManifest<Item>[] {
    const { signature, files } = readDirectory(this.#dir);
    if (signature === this.#signature) return this.#listed;
    this.#signature = signature;
    this.#listed = [];
    this.#names.clear();
    for (const file of files.slice(0, manifestsMax)) this.#listed.push(this.#load(file));
    const [file] = files.slice(manifestsMax);
    if (file !== undefined) {
      const fault = `${file}: ignored with all later files: the limit is ${manifestsMax} manifests`;
      this.#listed.push({ file, fault });
    }
    for (const { file, fault } of this.#listed) {
      if (fault !== undefined) this.#log.warn(`manifest ignored: ${fault}`, { file });
    }
    return this.#listed;
  }

  #load(file: string): ListedManifest<Item> {
    try {
      const path = join(this.#dir, file);
      assertOwnFile(this.#dir, file);
      const item = this.#read(file, readTextFile(path));
      if (this.#taken.has(item.name) || this.#names.has(item.name)) {
        throw new WsctlError("USAGE", `${file}: the name "${item.name}" is already in use`);
      }
      this.#names.add(item.name);
      return { file, item };
    } catch (error) {
      return { file, fault: errorText(error) };
    }
  }
}

/** A manifest runs any program, so other users must not be able to write to it. */
function assertOwnFile(dir: string, file: string): void {
  for (const path of [dir, join(dir, file)]) {
    const stats = statSync(path);
    const { size } = stats;
    if (path !== dir && !stats.isFile()) {
      throw new WsctlError("USAGE", `${file}: is not a regular file`);
    }
    if (isOpenToAll(stats)) {
      const fix = `run "chmod o-w ${path}"`;
      throw new WsctlError("USAGE", `${file}: ${path} is world-writable: ${fix}`);
    }
    if (path !== dir && size > manifestBytesMax) {
      throw new WsctlError("USAGE", `${file}: is larger than ${manifestBytesMax} bytes`);
    }
  }
}

/** A directory that is missing or cannot be read has no manifests. */
function readDirectory(dir: string): { signature: string; files: string[] } {
  try {
    const files = readdirSync(dir).filter((file) => file.endsWith(".toml") && file[0] !== ".");
    files.sort();
    const looked = ["", ...files.slice(0, manifestsMax)].map((file) => fileMark(dir, file));
    return { signature: [files.length, ...looked].join("\n"), files };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // The directory cannot be read; it is read again later.
    return { signature: code, files: [] };
  }
}

/** A file that cannot be read, such as a broken link, does not affect the others. */
function fileMark(dir: string, file: string): string {
  try {
    const { mtimeMs, ctimeMs, size, ino } = statSync(join(dir, file));
    return [file, mtimeMs, ctimeMs, size, ino].join(":");
  } catch (error) {
    return `${file}:${(error as NodeJS.ErrnoException).code}`;
  }
}
