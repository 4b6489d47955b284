/** Packs the files of `wsctl push` into what is uploaded: a file as it is, or a tar archive. */
import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { create } from "tar";
import { errorText } from "../../lib/protocol/errors.ts";
import { usage } from "../cli/strictArgs.ts";

export interface Packed {
  /** The file to upload. */
  path: string;
  name: string;
  /** Whether it is an archive, whose entries go below the destination. */
  archive: boolean;
  /** The permissions of a single file. */
  mode: number;
  /** The path of the file, or of the directory, on the hosts. */
  destination: string;
}

/**
 * Packs sources for a destination. With a slash at the end of the destination, or with several
 * sources, they go into that directory; otherwise the source becomes the destination.
 * @param dir A directory for the archive.
 * @throws {WsctlError} USAGE with the source that cannot be pushed.
 */
export async function packSources(
  sources: readonly string[],
  destination: string,
  dir: string,
): Promise<Packed> {
  if (!destination.startsWith("/")) {
    throw usage(`Flag --to is "${destination}": expected an absolute path on the hosts`);
  }
  const found = sources.map((path) => ({ path: resolve(path), stats: statOf(path) }));
  const isInto = destination.endsWith("/") || sources.length > 1;
  const target = destination.replace(/\/+$/, "") || "/";
  const [first] = found;
  if (first === undefined) throw usage("Missing argument FILE");
  if (found.length === 1 && first.stats.isFile()) {
    const name = basename(first.path);
    return {
      ...{ path: first.path, name, archive: false, mode: first.stats.mode & 0o777 },
      destination: isInto ? join(target, name) : target,
    };
  }
  const names = found.map(({ path }) => basename(path));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw usage(`Cannot push two sources with the name "${twice}": push them one by one`);
  }
  for (const { path } of found) assertPlain(path);
  const path = join(dir, "files.tar");
  // A single directory that becomes the destination is packed without its own name.
  const isTree = found.length === 1 && !isInto;
  const entries = isTree
    ? [{ cwd: first.path, names: readdirSync(first.path) }]
    : found.map((each) => ({ cwd: dirname(each.path), names: [basename(each.path)] }));
  await writeArchive(path, entries);
  return { path, name: `${basename(first.path)}.tar`, archive: true, mode: 0, destination: target };
}

/** One archive from several directories: the later ones are appended. */
async function writeArchive(
  file: string,
  entries: readonly { cwd: string; names: string[] }[],
): Promise<void> {
  const { replace } = await import("tar");
  let isFirst = true;
  for (const { cwd, names } of entries) {
    if (names.length === 0) continue;
    const escaped = names.map((name) => (name.startsWith("@") ? `./${name}` : name));
    if (isFirst) await create({ file, cwd, portable: true }, escaped);
    else await replace({ file, cwd, portable: true }, escaped);
    isFirst = false;
  }
  if (isFirst) throw usage("Cannot push: the directory is empty");
}

function statOf(path: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw usage(`Cannot push "${path}": ${errorText(error)}`);
  }
  if (stats.isFile() || stats.isDirectory()) return stats;
  throw usage(`Cannot push "${path}": it is neither a file nor a directory`);
}

/** Links below a directory are refused: on a host they would lead elsewhere. */
function assertPlain(path: string): void {
  const stats = lstatSync(path);
  if (stats.isFile()) return;
  if (stats.isDirectory()) {
    for (const name of readdirSync(path)) assertPlain(join(path, name));
    return;
  }
  const what = stats.isSymbolicLink() ? "a symbolic link" : "neither a file nor a directory";
  throw usage(`Cannot push "${path}": it is ${what}. Leave it out, or push what it points to`);
}
