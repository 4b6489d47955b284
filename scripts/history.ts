/**
 * `bun scripts/history.ts [REQUESTS] [DIR]`: whether what is kept makes what is done slower. Fills
 * one store with ten thousand requests and one with so many (ten million where nothing is said),
 * and prints, as ratios of one run, what the first page of every list takes over HTTP from
 * `dist/wsctl serve` and one durable request in the journal; and what the indexes for lists cost
 * each request.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import type { ControlJournal } from "../lib/control/journal/journal.ts";
import { openJournal, wholeIndex, writesOf } from "../test/support/fixtures/filledJournal.ts";
import { Running, wsctlCommand } from "../test/support/processes/processes.ts";
import { filledStore, fillingOf, kinds, start } from "./filledStore.ts";

const small = 10_000;
const large = Number(process.argv[2] ?? 10_000_000);
const dir = mkdtempSync(join(process.argv[3] ?? tmpdir(), "wsctl-history-"));
const indexes = ["jobs_by_command", "jobs_open", "jobs_by_creator"];

/** What `GET /api/v1/jobs` is asked for, by the flags of `wsctl jobs list`. */
const queries: Record<string, string> = {
  "no filter": "",
  "--agent": "agent=agent-7",
  "--command": "command=command-7",
  "--created-by": "created_by=token-7",
  "--status open": "status=open",
  "--status success": "status=success",
  ...Object.fromEntries(kinds.map((status) => [`--status ${status}`, `status=${status}`])),
  "--since": `since=${new Date(start + small - 1_000).toISOString()}`,
  "--search, one word": "search=space",
  "--search, three words": "search=no+space+3",
  "--search, no such word": "search=nowhere",
  "--agent --status": "agent=agent-100&status=lost",
  "--agent --status, none": "agent=agent-7&status=lost",
};

type Run = () => void | Promise<void>;

async function medianMs(run: Run, times: number): Promise<number> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const before = performance.now();
    await run();
    taken.push(performance.now() - before);
  }
  return taken.sort((a, b) => a - b)[Math.floor(times / 2)] ?? 0;
}

/** What one request costs from its acceptance to its outcome, each step durable. */
function requestMs(journal: ControlJournal): () => void {
  let index = 0;
  return () => {
    const { asked, ended } = writesOf(fillingOf(++index));
    journal.commitNow(asked);
    journal.commitNow(ended);
  };
}

/** By turns, so that what the machine does meanwhile falls on both. */
async function ratio(one: Run, other: Run, rounds = 7, times = 101): Promise<[number, number]> {
  const of = { one: [] as number[], other: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    of.one.push(await medianMs(one, times));
    of.other.push(await medianMs(other, times));
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
  openJournal(path).close();
  const db = new DatabaseSync(path);
  for (const index of indexes) if (!kept.includes(index)) db.exec(`DROP INDEX ${index}`);
  db.close();
  const journal = openJournal(path);
  for (let at = 0; at < small; at += 100) {
    journal.commitNow(
      Array.from({ length: 100 }, (_, n) => writesOf(fillingOf(at + n)).asked).flat(),
    );
  }
  wholeIndex(journal);
  return journal;
}

function batchMs(journal: ControlJournal): () => void {
  return () => {
    const all = Array.from({ length: 500 }, (_, n) => writesOf(fillingOf(n)));
    journal.commitNow(all.flatMap(({ asked }) => asked));
    journal.commitNow(all.flatMap(({ ended }) => ended));
  };
}

async function indexCost(): Promise<void> {
  console.log("what an index costs:         without      with     ratio");
  const bare = storeWith([]);
  for (const kept of [...indexes.map((index) => [index]), indexes]) {
    const journal = storeWith(kept);
    const name = kept.length === 1 ? `${kept[0]}` : "all of them";
    say(name, await ratio(requestMs(bare), requestMs(journal)));
    say("  500 in one commit", await ratio(batchMs(bare), batchMs(journal), 5, 7));
    if (kept.length > 1) {
      const write = batchMs(journal);
      const lazily = () => {
        write();
        wholeIndex(journal);
      };
      say("  and the index behind", await ratio(batchMs(bare), lazily, 5, 7));
    }
    journal.close();
  }
  bare.close();
}

/** A control plane, and what asks it for lists. */
async function serving(requests: number) {
  const dataDir = filledStore(requests);
  const keep = ["--job-retention", "4000d", "--job-retention-max", "100000000"];
  const serve = ["serve", "--port", "0", "--data-dir", dataDir, ...keep];
  const serves = new Running([...wsctlCommand("binary"), ...serve]);
  const [, url = ""] = await serves.logged(/serving on (\S+)/);
  const { token } = JSON.parse(readFileSync(join(dataDir, "local.json"), "utf8"));
  const page = (query: string) => async () => {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/api/v1/jobs?limit=50&${query}`, { headers });
    await response.text();
    if (!response.ok) throw new Error(`answered by ${response.status}`);
  };
  return { serves, page, path: join(dataDir, "control.db") };
}

try {
  console.log(`${"ms".padEnd(24)}${"10,000".padStart(10)}${String(large).padStart(10)}     ratio`);
  const few = await serving(small);
  const many = await serving(large);
  for (const [name, query] of Object.entries(queries)) {
    say(name, await ratio(few.page(query), many.page(query)));
  }
  for (const { serves } of [few, many]) await serves.stop();
  const journals = [few, many].map(({ path }) => openJournal(path));
  const [one, other] = journals.map(requestMs);
  if (one !== undefined && other !== undefined) {
    say("one durable request", await ratio(one, other));
  }
  for (const journal of journals) journal.close();
  const bytes = statSync(many.path).size / large;
  console.log(`the file has ${bytes.toFixed(0)} bytes a request`);
  if (process.argv[4] !== "lists") await indexCost();
} finally {
  rmSync(dir, { recursive: true, force: true });
}
