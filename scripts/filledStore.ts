/** Stores of a control plane with so many requests that have ended, for measuring what that costs. */
import process from "node:process";
import type { ControlJournal } from "../lib/control/journal.ts";
import type { ControlWrite } from "../lib/control/records.ts";
import { openControlJournal } from "../lib/control/sqliteJournal.ts";
import { wholeIndex, writesOf } from "../test/support/filledJournal.ts";

/** How requests end that do not succeed. */
export const kinds = ["failed", "error", "expired", "cancelled", "lost"] as const;

/** When the first job of every store was asked for; each millisecond has one more. */
export const start = Date.now() - 24 * 60 * 60 * 1000;

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

/** With the index whole; the newest `open` requests are left open. */
export function filledStore(path: string, requests: number, open = 0): ControlJournal {
  const journal = openControlJournal(path);
  let writes: ControlWrite[] = [];
  for (let index = 0; index < requests; index++) {
    const { asked, ended } = writesOf(fillingOf(index));
    writes.push(...asked, ...ended.slice(0, index >= requests - open ? 0 : 1));
    if (writes.length < 8_000 && index < requests - 1) continue;
    journal.commit(writes);
    writes = [];
    while (journal.indexHistory());
    if (index % 500_000 < 4_000) process.stderr.write(`${index + 1} of ${requests}\n`);
  }
  wholeIndex(journal);
  return journal;
}
