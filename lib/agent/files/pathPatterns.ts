/**
 * Patterns of paths that a host allows: `*` and `?` match within one name, and `**` as a whole name
 * matches any number of names.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { matchesWildcard } from "../../protocol/wildcard.ts";

/** Returns what is wrong with a pattern, or undefined. */
export function checkPathPattern(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return "must be an absolute path";
  if (pattern.includes("\0")) return "must not contain a NUL character";
  for (const name of pattern.split("/")) {
    if (name === "." || name === "..") return `must not contain "${name}"`;
    if (name.includes("**") && name !== "**") return 'must have "**" only between slashes';
  }
  return undefined;
}

/** Whether a pattern allows the path, or for a pattern that ends in a slash everything below it. */
export function isPathAllowed(patterns: readonly string[], path: string): boolean {
  const names = path.split("/").filter(Boolean);
  return patterns.some((pattern) => {
    const whole = pattern.endsWith("/") ? `${pattern}**` : pattern;
    return matchesNames(whole.split("/").filter(Boolean), names);
  });
}

function matchesNames(pattern: readonly string[], names: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return names.length === 0;
  if (first === "**") {
    // The last `**` needs at least one name: it allows what is below the directory.
    if (rest.length === 0) return names.length > 0;
    return names.some((_, index) => matchesNames(rest, names.slice(index)));
  }
  const [name, ...others] = names;
  return name !== undefined && matchesWildcard(first, name) && matchesNames(rest, others);
}

/**
 * Returns a path without links in its directories: the existing ones are resolved, and missing ones
 * stay as they are. A link as the last name is not followed, because a rename replaces it.
 */
export function realTarget(path: string): string {
  const parent = dirname(path);
  if (parent === path) return path;
  return join(realDirectory(parent), basename(path));
}

function realDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    return join(realDirectory(dirname(path)), basename(path));
  }
}

/** The reason for a path that no pattern allows to write. */
export function notWritable(path: string): string {
  const text = `this host does not allow to write "${path}"`;
  return `${text}; allow it with wsctl agent --allow-push PATTERN`;
}
