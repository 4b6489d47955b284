/**
 * Data directories of control planes with so many requests in their stores, for measuring what that
 * costs. They are filled once and kept below `dist/stores`: ten million requests take a while, and
 * 15 GB. `bun scripts/filledStore.ts REQUESTS` fills one.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { ControlWrite } from "../lib/control/core/model.ts";
import type { ControlJournal } from "../lib/control/journal/journal.ts";
import { openJournal, wholeIndex, writesOf } from "../test/support/fixtures/filledJournal.ts";

/** How requests end that do not succeed. */
export const kinds = ["failed", "error", "expired", "cancelled", "lost"] as const;

/** When the first job of every store was asked for; each millisecond has one more. */
export const start = Date.UTC(2026, 0, 1);

const yearsMs = 100 * 365 * 24 * 60 * 60 * 1000;

/** Of the newest requests so many are left open. */
const open = 100;

/** One request in 25 ends badly, each with words of its own kind; every list has a full page. */
export function fillingOf(index: number) {
  const kind = kinds[Math.floor(index / 25) % kinds.length] ?? "lost";
  return {
    command: `command-${index % 20}`,
    agents: [`agent-${index % 125}`],
    createdBy: `token-${index % 10}`,
    createdAt: start + index,
    ending: () =>
      index % 25 === 0
        ? {
            outcome: kind,
            code: kind.toUpperCase(),
            message: `no space left on disk ${index % 4}`,
          }
        : { outcome: "success" as const, message: `done in ${index % 1_000} ms` },
  };
}

/** The directory, filled now if it was not before. */
export function filledStore(requests: number): string {
  const dir = new URL(`../dist/stores/${requests}/`, import.meta.url).pathname;
  const whole = join(dir, "whole");
  if (existsSync(whole)) return dir;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const journal = openJournal(dir);
  fill(journal, requests);
  journal.close();
  writeFileSync(whole, "");
  return dir;
}

/** With the index whole. */
function fill(journal: ControlJournal, requests: number): void {
  let writes: ControlWrite[] = [];
  for (let index = 0; index < requests; index++) {
    const { asked, ended } = writesOf(fillingOf(index));
    for (const write of asked) {
      // Those that stay open are waited for: they must not have expired when they are listed.
      if (write.type === "putJob") write.job.timeoutMs = write.job.ttlMs = yearsMs;
    }
    writes.push(...asked, ...ended.slice(0, index >= requests - open ? 0 : 1));
    if (writes.length < 8_000 && index < requests - 1) continue;
    journal.commitNow(writes);
    writes = [];
    while (journal.upkeep.indexHistory());
    if (index % 500_000 < 4_000) process.stderr.write(`${index + 1} of ${requests}\n`);
  }
  wholeIndex(journal);
}

if (import.meta.main) console.log(filledStore(Number(process.argv[2])));
