/**
 * Absolute paths with `*`, `?` and `**`: which files of this host they mean. A name that begins
 * with a dot is meant only where the pattern has the dot too, as in a shell; `**` goes through any
 * number of directories, and never through a link to one, so that no loop of links is endless.
 */
import { type Dirent, lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { matchesWildcard } from "../../protocol/wildcard.ts";

/** Names looked at for one source; beyond it a pattern is a mistake. */
const readsMax = 200_000;

/** What is wrong with a pattern, for whoever wrote it. */
export function checkGlob(glob: string): string | undefined {
  if (!glob.startsWith("/")) return "must be an absolute path";
  if (glob.includes("\0")) return "must not contain a NUL character";
  if (glob.endsWith("/")) return "must name files, not a directory";
  for (const segment of glob.split("/")) {
    if (segment === "." || segment === "..") return `must not have "${segment}" in it`;
    if (segment.includes("**") && segment !== "**") return 'must have "**" between slashes alone';
  }
  if (glob.includes("/**/**/")) return 'must not have "**" twice in a row: once is any depth';
  return glob.endsWith("/**") ? 'must name files behind "**", such as "/**/*.log"' : undefined;
}

/** Whether it names one path and no pattern. */
export function isLiteral(glob: string): boolean {
  return !/[*?]/.test(glob);
}

export interface GlobMatch {
  /** Each once, in no order that means anything; not yet looked at what they are. */
  paths: string[];
  /** Directories that could not be read. */
  faults: { path: string; reason: string }[];
}

/**
 * The paths that patterns mean at this moment; a literal one is among them even if it is not there.
 */
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
    // Directories are among what a pattern meets, and never meant.
    const found = this.#readKind(path, entry);
    if (found !== undefined && !found.isDirectory()) this.paths.add(path);
  }

  /** Some file systems do not say in a directory what its names are. */
  #readKind(path: string, entry?: Dirent): Dirent | Stats | undefined {
    const isTold = entry?.isFile() || entry?.isDirectory() || entry?.isSymbolicLink();
    return isTold ? entry : this.#try(path, () => lstatSync(path));
  }

  #list(dir: string): Dirent[] {
    const entries = this.#try(dir, () => readdirSync(dir, { withFileTypes: true })) ?? [];
    this.#looks += entries.length;
    if (this.#looks <= readsMax) return entries;
    const pacing = `it goes through more than ${readsMax} names; narrow it in its manifest`;
    throw new WsctlError("TOO_LARGE", `The source's pattern is too wide: ${pacing}`);
  }

  /** What is not there, or is no directory, has no files in it; that is no fault. */
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

/** One name against one segment. */
export function matches(segment: string, name: string): boolean {
  if (name.startsWith(".") && !segment.startsWith(".")) return false;
  return matchesWildcard(segment, name);
}
