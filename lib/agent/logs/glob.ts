/**
 * Expands absolute paths with `*`, `?` and `**` to files of this host. As in a shell, a name that
 * starts with a dot matches only a pattern that starts with a dot. `**` matches any number of
 * directories and does not follow links to directories, so that a loop of links ends.
 */
import { type Dirent, lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { matchesWildcard } from "../../protocol/wildcard.ts";

/** The limit of names that are read for one source; a pattern that needs more is a mistake. */
const readsMax = 200_000;

/** Returns what is wrong with a pattern, or undefined. */
export function checkGlob(glob: string): string | undefined {
  if (!glob.startsWith("/")) return "must be an absolute path";
  if (glob.includes("\0")) return "must not contain a NUL character";
  if (glob.endsWith("/")) return "must name files, not a directory";
  for (const segment of glob.split("/")) {
    if (segment === "." || segment === "..") return `must not contain "${segment}"`;
    if (segment.includes("**") && segment !== "**") return 'must have "**" only between slashes';
  }
  if (glob.includes("/**/**/")) return 'must not repeat "**": one matches any depth';
  return glob.endsWith("/**") ? 'must name files after "**", such as "/**/*.log"' : undefined;
}

/** Whether the text is a path without wildcards. */
export function isLiteral(glob: string): boolean {
  return !/[*?]/.test(glob);
}

export interface GlobMatch {
  /** Each path once, in no particular order; they need not be files. */
  paths: string[];
  /** Directories that could not be read. */
  faults: { path: string; reason: string }[];
}

/** Returns the paths that match now. A literal path is included even if it does not exist. */
export function expand(globs: readonly string[]): GlobMatch {
  const walk = new GlobWalk();
  for (const glob of globs) {
    if (isLiteral(glob)) walk.paths.add(glob);
    else walk.into("/", glob.split("/").filter(Boolean));
  }
  return { paths: [...walk.paths], faults: walk.faults };
}

class GlobWalk {
  readonly paths = new Set<string>();
  readonly faults: GlobMatch["faults"] = [];
  #looks = 0;

  into(dir: string, [segment = "", ...rest]: string[]): void {
    if (segment === "**") {
      this.into(dir, rest);
      for (const entry of this.#list(dir)) {
        if (entry.name.startsWith(".")) continue;
        const path = join(dir, entry.name);
        if (this.#readKind(path, entry)?.isDirectory()) this.into(path, [segment, ...rest]);
      }
    } else if (isLiteral(segment)) this.#found(join(dir, segment), rest);
    else {
      for (const entry of this.#list(dir)) {
        if (!matches(segment, entry.name)) continue;
        const path = join(dir, entry.name);
        if (rest.length === 0) this.#found(path, rest, entry);
        else if (!entry.isFile()) this.#found(path, rest);
      }
    }
  }

  #found(path: string, rest: string[], entry?: Dirent): void {
    if (rest.length > 0) return this.into(path, rest);
    // A directory that matches is not a result.
    const found = this.#readKind(path, entry);
    if (found !== undefined && !found.isDirectory()) this.paths.add(path);
  }

  /** Some file systems do not return file types with the names of a directory. */
  #readKind(path: string, entry?: Dirent): Dirent | Stats | undefined {
    const isTold = entry?.isFile() || entry?.isDirectory() || entry?.isSymbolicLink();
    return isTold ? entry : this.#try(path, () => lstatSync(path));
  }

  #list(dir: string): Dirent[] {
    const entries = this.#try(dir, () => readdirSync(dir, { withFileTypes: true })) ?? [];
    this.#looks += entries.length;
    if (this.#looks <= readsMax) return entries;
    const advice = `it matches more than ${readsMax} names. Narrow it in the manifest`;
    throw new WsctlError("TOO_LARGE", `The source's pattern is too wide: ${advice}`);
  }

  /** A path that is missing, or that is not a directory, has no files; this is not a fault. */
  #try<T>(path: string, look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) {
        this.faults.push({ path, reason: errorText(error) });
      }
      return undefined;
    }
  }
}

/** Whether one name matches one segment of a pattern. */
export function matches(segment: string, name: string): boolean {
  if (name.startsWith(".") && !segment.startsWith(".")) return false;
  return matchesWildcard(segment, name);
}
