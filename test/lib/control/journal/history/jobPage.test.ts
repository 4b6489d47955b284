/** Lists of jobs from a journal on disk: each filter alone and together, by which index, how far. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { partitionRequests } from "../../../../../lib/control/journal/history/indexPartitions.ts";
import { scanIndex } from "../../../../../lib/control/journal/history/indexScan.ts";
import { splitTerms } from "../../../../../lib/control/journal/history/searchTerms.ts";
import type { JobsQuery } from "../../../../../lib/control/journal/jobQuery.ts";
import type { ControlJournal } from "../../../../../lib/control/journal/journal.ts";
import type { Database } from "../../../../../lib/store/sqlite.ts";
import {
  type Filling,
  fill,
  movePlaces,
  openJournal,
  wholeIndex,
} from "../../../../support/fixtures/filledJournal.ts";

// Some fill a store with more requests than one look goes through.
setDefaultTimeout(60_000);

let dir: string;
let journal: ControlJournal;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "wsctl-history-"));
  journal = openJournal(dir);
});
afterEach(() => {
  journal.close();
  rmSync(dir, { recursive: true });
});

const job = (filling: Partial<Filling>) =>
  fill(journal, { agents: ["a"], createdAt: 1, ...filling });
const ids = (query: Partial<JobsQuery>) =>
  journal.jobs({ limit: 10, ...query }).jobs.map(({ jobId }) => jobId);
const ended =
  (outcome: "success" | "failed" | "lost", message = "", code?: string) =>
  () => ({
    outcome,
    message,
    ...(code === undefined ? {} : { code }),
  });

describe("a list of jobs", () => {
  test("has those that a filter asks for, the newest first", () => {
    const ping = job({ createdAt: 1, ending: ended("success", "pong") });
    const update = job({ command: "update", agents: ["b"], createdBy: "t2", createdAt: 2 });
    const failed = job({
      agents: ["a", "b"],
      createdAt: 3,
      ending: (index) => ({
        outcome: index === 0 ? "success" : "failed",
        message: "Größe: no space",
      }),
    });
    expect(ids({})).toEqual([failed, update, ping]);
    expect(ids({ agentId: "a" })).toEqual([failed, ping]);
    expect(ids({ command: "update" })).toEqual([update]);
    expect(ids({ createdBy: "t1" })).toEqual([failed, ping]);
    expect(ids({ status: "open" })).toEqual([update]);
    expect(ids({ status: "success" })).toEqual([failed, ping]);
    expect(ids({ status: "failed" })).toEqual([failed]);
    expect(ids({ status: "lost" })).toEqual([]);
    expect(ids({ since: 2 })).toEqual([failed, update]);
    expect(ids({ search: "PONG" })).toEqual([ping]);
    expect(ids({ search: "space größe" })).toEqual([failed]);
    expect(ids({ search: "space pong" })).toEqual([]);
  });

  test("finds an outcome's code, and words right after they were written", () => {
    const lost = job({ ending: ended("lost", "never came back", "DISCONNECTED") });
    expect(ids({ search: "disconnected" })).toEqual([lost]);
    const other = job({ ending: ended("failed", "back again", "NO_SPACE") });
    expect(ids({ search: "back" })).toEqual([other, lost]);
    expect(ids({ search: "NO_SPACE" })).toEqual([other]);
  });

  test("job list: the agent, status and search filters apply to the same request", () => {
    const both = job({
      agents: ["a", "b"],
      ending: (index) =>
        index === 0
          ? { outcome: "failed", message: "disk full" }
          : { outcome: "success", message: "fine" },
    });
    expect(ids({ agentId: "a", status: "failed" })).toEqual([both]);
    expect(ids({ agentId: "b", status: "failed" })).toEqual([]);
    expect(ids({ agentId: "a", search: "disk" })).toEqual([both]);
    expect(ids({ agentId: "b", search: "disk" })).toEqual([]);
    expect(ids({ status: "success", search: "disk full" })).toEqual([]);
    expect(ids({ agentId: "a", command: "update" })).toEqual([]);
  });

  test("job list: agent IDs that differ only in separators are not confused", () => {
    const dot = job({ agents: ["web.1"], ending: ended("failed") });
    const dash = job({ agents: ["web-1"], ending: ended("failed") });
    expect(ids({ agentId: "web.1" })).toEqual([dot]);
    expect(ids({ agentId: "web-1", status: "failed" })).toEqual([dash]);
    expect(ids({ agentId: "WEB-1" })).toEqual([]);
  });

  test("lists a large job once, and goes on behind it", () => {
    const agents = Array.from({ length: 700 }, (_, index) => `a${index}`);
    const first = job({ ending: ended("failed", "no disk") });
    const large = job({ agents, ending: ended("failed", "no disk") });
    const last = job({ ending: ended("failed", "no disk") });
    for (const filter of [
      { search: "disk" },
      { search: "no disk" },
      { status: "failed" } as const,
    ]) {
      expect(ids(filter)).toEqual([last, large, first]);
      const page = journal.jobs({ limit: 2, ...filter });
      expect(page.jobs).toHaveLength(2);
      expect(ids({ ...filter, before: page.next ?? "" })).toEqual([first]);
    }
  });

  test("ends a page early where filters together find little, and says where it goes on", () => {
    const wanted = job({ createdBy: "t2", ending: ended("success", "pong") });
    const agents = Array.from({ length: 400 }, (_, index) => `a${index}`);
    for (let n = 0; n < 40; n++) job({ agents, ending: ended("success", "pong") });
    wholeIndex(journal);
    let page = journal.jobs({ limit: 10, search: "pong", createdBy: "t2" });
    expect(page.jobs).toEqual([]);
    let pages = 1;
    while (page.jobs.length === 0 && page.next !== undefined) {
      page = journal.jobs({ limit: 10, search: "pong", createdBy: "t2", before: page.next });
      pages++;
    }
    expect(page.jobs.map(({ jobId }) => jobId)).toEqual([wanted]);
    expect(pages).toBe(2);
  });

  test("looks for several words a part at a time, each part to the end of a job", () => {
    const wanted = job({ ending: ended("failed", "no disk") });
    const agents = Array.from({ length: 7_000 }, (_, index) => `a${index}`);
    // The first of a job's requests alone has both words: a part that ended before it would lose it.
    const word = (index: number) =>
      ended("failed", index === 0 ? "no disk" : index % 2 === 0 ? "no" : "disk")();
    const large = Array.from({ length: 20 }, () => job({ agents, ending: word }));
    const newest = job({ ending: ended("failed", "no disk") });
    wholeIndex(journal);
    const all = [newest, ...large.reverse(), wanted];
    for (const limit of [9, 10, 11, 500]) {
      const found: string[] = [];
      let next: string | undefined;
      do {
        const from = next === undefined ? {} : { before: next };
        const page = journal.jobs({ limit, search: "no disk", ...from });
        found.push(...page.jobs.map(({ jobId }) => jobId));
        next = page.next;
      } while (next !== undefined);
      expect(found).toEqual(all);
    }
  });

  test("goes on in older parts of the index, also within a job", () => {
    const agents = ["a", "b", "c", "d"];
    const word = (index: number) => ended("failed", index === 0 ? "no disk" : "none")();
    const jobs = [1, 2, 3].map(() => job({ agents, ending: word }));
    journal.close();
    // The second job begins two places before the second part.
    movePlaces(join(dir, "index.db"), partitionRequests - 7);
    journal = openJournal(dir);
    const all = jobs.toReversed();
    // In order first, as a list finds a part that takes in no more.
    while (journal.upkeep.indexHistory());
    let merges = 0;
    while (journal.upkeep.mergeHistory()) merges++;
    expect(merges).toBeGreaterThan(0);
    for (const search of ["disk", "no disk", "none"]) expect(ids({ search })).toEqual(all);
    for (const agentId of agents) expect(ids({ agentId })).toEqual(all);
    expect(ids({ agentId: "a", search: "none" })).toEqual([]);
    for (let at = 0; at < 2; at++) {
      const page = journal.jobs({ limit: 1, search: "no disk", before: all[at] ?? "" });
      expect(page.jobs.map(({ jobId }) => jobId)).toEqual([all[at + 1] ?? ""]);
    }
  });

  test("refuses a search without a word", () => {
    expect(() => ids({ search: " -* " })).toThrow("whole words");
    expect(ids({ search: '" OR a* NEAR(' })).toEqual([]);
  });
});

describe("each list of jobs", () => {
  const filters: Partial<JobsQuery>[] = [
    {},
    { command: "ping" },
    { schedule: "nightly" },
    { createdBy: "t1" },
    ...(["open", "success", "failed", "error", "expired", "cancelled", "lost"] as const).map(
      (status) => ({ status }),
    ),
    { agentId: "a" },
    { agentId: "a", status: "failed" },
    { search: "disk" },
    { search: "disk full" },
    { command: "ping", status: "lost", createdBy: "t1" },
  ];
  for (const filter of filters) {
    test(`goes by an index: ${JSON.stringify(filter)}`, () => {
      job({});
      wholeIndex(journal);
      journal.close();
      const db = new DatabaseSync(join(dir, "index.db"));
      const plans: string[] = [];
      const explaining = {
        prepare: (sql: string) => {
          const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
          plans.push(...rows.map(({ detail }) => String(detail)));
          return { get: () => undefined, all: () => [], run: () => 0 };
        },
      } as unknown as Database;
      const parts = { below: () => 0 };
      const walked = scanIndex(
        { db: explaining, parts, statements: new Map() },
        { limit: 1, before: "x", ...filter },
        splitTerms(filter.search ?? "x").filter(() => filter.search !== undefined),
      );
      walked.next(1);
      db.close();
      journal = openJournal(dir);
      expect(plans.length).toBeGreaterThan(0);
      for (const plan of plans)
        expect(plan).not.toMatch(/TEMP B-TREE|SCAN (j|r|o|jobs|requests)\b/);
    });
  }
});
