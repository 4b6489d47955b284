/**
 * `bun scripts/history.ts [REQUESTS] [DIR]`: whether what is kept makes what is done slower. Fills
 * one store with ten thousand requests and one with so many (ten million where nothing is said),
 * and prints, as ratios of one run, what the first page of every list and one durable request take
 * in either; and what the indexes for lists cost each request.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import type { ControlJournal, JobsQuery } from "../lib/control/journal.ts";
import type { ControlWrite } from "../lib/control/records.ts";
import { openControlJournal } from "../lib/control/sqliteJournal.ts";
import { wholeIndex, writesOf } from "../test/support/filledJournal.ts";

const small = 10_000;
const large = Number(process.argv[2] ?? 10_000_000);
const dir = mkdtempSync(join(process.argv[3] ?? tmpdir(), "wsctl-history-"));
const indexes = ["jobs_by_command", "jobs_open", "jobs_by_creator"];

const kinds = ["failed", "error", "expired", "cancelled", "lost"] as const;
const start = Date.UTC(2026, 0, 1);

/** One request in 25 ends badly, each with words of its own kind; every list has a full page. */
function fillingOf(index: number) {
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

function filled(requests: number): ControlJournal {
  const path = join(dir, `${requests}.db`);
  const journal = openControlJournal(path);
  let writes: ControlWrite[] = [];
  for (let index = 0; index < requests; index++) {
    const { asked, ended } = writesOf(fillingOf(index));
    writes.push(...asked, ...ended.slice(0, index >= requests - 100 ? 0 : 1));
    if (writes.length >= 8_000 || index === requests - 1) {
      journal.commit(writes);
      writes = [];
      while (journal.indexHistory());
      if (index % 500_000 < 4_000) process.stderr.write(`${index + 1} of ${requests}\n`);
    }
  }
  wholeIndex(journal);
  return journal;
}

const queries: Record<string, Partial<JobsQuery>> = {
  "no filter": {},
  "--agent": { agentId: "agent-7" },
  "--command": { command: "command-7" },
  "--by": { createdBy: "token-7" },
  "--status open": { status: "open" },
  "--status success": { status: "success" },
  ...Object.fromEntries(kinds.map((status) => [`--status ${status}`, { status }])),
  "--since": { since: start + small - 1_000 },
  "--search, one word": { search: "space" },
  "--search, three words": { search: "no space 3" },
  "--agent --status": { agentId: "agent-100", status: "lost" },
  "--agent --status, none": { agentId: "agent-7", status: "lost" },
};

function medianMs(run: () => void, times = 101): number {
  const taken = Array.from({ length: times }, () => {
    const before = performance.now();
    run();
    return performance.now() - before;
  }).sort((a, b) => a - b);
  return taken[Math.floor(times / 2)] ?? 0;
}

/** What one request costs from its acceptance to its outcome, each step durable. */
function requestMs(journal: ControlJournal): () => void {
  let index = 0;
  return () => {
    const { asked, ended } = writesOf(fillingOf(++index));
    journal.commit(asked);
    journal.commit(ended);
  };
}

/** By turns, so that what the machine does meanwhile falls on both. */
function ratio(one: () => void, other: () => void, rounds = 7, times = 101): [number, number] {
  const of = { one: [] as number[], other: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    of.one.push(medianMs(one, times));
    of.other.push(medianMs(other, times));
  }
  const middle = (all: number[]) => all.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
  return [middle(of.one), middle(of.other)];
}

function say(what: string, [one, other]: [number, number]): void {
  const cells = [one.toFixed(3), other.toFixed(3), (other / one).toFixed(2)];
  console.log(`${what.padEnd(24)}${cells.map((cell) => cell.padStart(10)).join("")}`);
}

/** A store of its own without the indexes for lists, but with this one or all of them. */
function storeWith(kept: readonly string[]): ControlJournal {
  const path = join(dir, `with-${kept.join("-")}.db`);
  openControlJournal(path).close();
  const db = new DatabaseSync(path);
  for (const index of indexes) if (!kept.includes(index)) db.exec(`DROP INDEX ${index}`);
  db.close();
  const journal = openControlJournal(path);
  for (let at = 0; at < small; at += 100) {
    journal.commit(Array.from({ length: 100 }, (_, n) => writesOf(fillingOf(at + n)).asked).flat());
  }
  wholeIndex(journal);
  return journal;
}

function batchMs(journal: ControlJournal): () => void {
  return () => {
    const all = Array.from({ length: 500 }, (_, n) => writesOf(fillingOf(n)));
    journal.commit(all.flatMap(({ asked }) => asked));
    journal.commit(all.flatMap(({ ended }) => ended));
  };
}

function indexCost(): void {
  console.log("what an index costs:         without      with     ratio");
  const bare = storeWith([]);
  for (const kept of [...indexes.map((index) => [index]), indexes]) {
    const journal = storeWith(kept);
    const name = kept.length === 1 ? `${kept[0]}` : "all of them";
    say(name, ratio(requestMs(bare), requestMs(journal)));
    say("  500 in one commit", ratio(batchMs(bare), batchMs(journal), 5, 7));
    if (kept.length > 1) {
      const write = batchMs(journal);
      const lazily = () => {
        write();
        wholeIndex(journal);
      };
      say("  and the index behind", ratio(batchMs(bare), lazily, 5, 7));
    }
    journal.close();
  }
  bare.close();
}

try {
  console.log(`${"ms".padEnd(24)}${"10,000".padStart(10)}${String(large).padStart(10)}     ratio`);
  const few = filled(small);
  const many = filled(large);
  for (const [name, query] of Object.entries(queries)) {
    const page = (journal: ControlJournal) => () => void journal.jobs({ limit: 50, ...query });
    say(name, ratio(page(few), page(many)));
  }
  say("one durable request", ratio(requestMs(few), requestMs(many)));
  console.log(
    `the file has ${(statSync(join(dir, `${large}.db`)).size / large).toFixed(0)} bytes a request`,
  );
  few.close();
  many.close();
  indexCost();
} finally {
  rmSync(dir, { recursive: true, force: true });
}
