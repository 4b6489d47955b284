/**
 * Checks symbolic links of other users. A user who can write to a log directory could create a link
 * to a file that only the agent may read. So a link is followed only if its owner also owns the
 * target, or is root or the agent's user.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { system } from "../../system/current.ts";

const linksMax = 40;

/** Returns the first link on this path that belongs to another user than the file's owner. */
export function findForeignSymlink(path: string, owner: number): string | undefined {
  // There the agent reads no files but its own.
  if (!system.hasUsers) return undefined;
  const trusted = [0, process.getuid?.() ?? owner, owner];
  let links = 0;
  let todo = path.split("/").filter(Boolean);
  let at = "/";
  while (todo.length > 0 && links <= linksMax) {
    const [name = "", ...rest] = todo;
    const next = join(at, name);
    const stat = lstatSync(next);
    if (!stat.isSymbolicLink()) {
      at = next;
      todo = rest;
      continue;
    }
    if (!trusted.includes(stat.uid)) return next;
    links++;
    const target = resolve(dirname(next), readlinkSync(next));
    todo = [...target.split("/").filter(Boolean), ...rest];
    at = "/";
  }
  return undefined;
}
