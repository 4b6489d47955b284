/**
 * Links of strangers. Whoever may write where logs are could put a link to a file there that only
 * the agent may read; so a link is followed only if whoever made it also owns what it leads to, or
 * is root or the agent's own user.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const linksMax = 40;

/** The first link on the way to this path that is a stranger's to a file of this owner's. */
export function findForeignSymlink(path: string, owner: number): string | undefined {
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
