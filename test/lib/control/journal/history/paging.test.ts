/** Whatever is added and let go between two pages, no job is listed twice, and none left out. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { jobRetentionMsMin } from "../../../../../lib/control/journal/history/maintenance.ts";
import type { JobsQuery } from "../../../../../lib/control/journal/jobQuery.ts";
import type { ControlJournal } from "../../../../../lib/control/journal/journal.ts";
import { fill, openJournal, wholeIndex } from "../../../../support/fixtures/filledJournal.ts";

const outcomes = ["success", "failed", "lost", undefined] as const;
const agentIds = ["a", "b", "c"];

interface NewJob {
  command: string;
  createdBy: string;
  /** How each agent's request ends; undefined while it is open. */
  endings: (typeof outcomes)[number][];
}

const newJob = fc.record<NewJob>({
  command: fc.constantFrom("ping", "update"),
  createdBy: fc.constantFrom("t1", "t2"),
  endings: fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 3 }),
});

const filter = fc.record<Partial<JobsQuery>>(
  {
    command: fc.constantFrom("ping", "update"),
    createdBy: fc.constantFrom("t1", "t2"),
    agentId: fc.constantFrom(...agentIds),
    status: fc.constantFrom("open", "success", "failed", "lost"),
    search: fc.constantFrom("success", "failed", "how failed", "how"),
  },
  { requiredKeys: [] },
);

/** The same question, put to a plain list. */
function fits({ command, createdBy, endings }: NewJob, query: Partial<JobsQuery>): boolean {
  if (query.command !== undefined && query.command !== command) return false;
  if (query.createdBy !== undefined && query.createdBy !== createdBy) return false;
  return endings.some((draft, index) => {
    if (query.agentId !== undefined && query.agentId !== agentIds[index]) return false;
    if (query.status !== undefined && query.status !== (draft ?? "open")) return false;
    const words = query.search?.split(" ") ?? [];
    return words.every((word) => draft !== undefined && ["how", draft].includes(word));
  });
}

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("page" as const) }),
    fc.record({ type: fc.constant("add" as const), job: newJob }),
    fc.record({ type: fc.constant("prune" as const), share: fc.integer({ min: 0, max: 100 }) }),
  ),
  { maxLength: 12 },
);

test("pages of any filter are right while jobs come and go", () => {
  fc.assert(
    fc.property(
      fc.array(newJob, { minLength: 1, maxLength: 25 }),
      filter,
      fc.integer({ min: 1, max: 5 }),
      steps,
      (first, query, limit, between) => {
        const dir = mkdtempSync(join(tmpdir(), "wsctl-paging-"));
        const journal = openJournal(dir);
        try {
          check(journal, first, query, limit, between);
        } finally {
          journal.close();
          rmSync(dir, { recursive: true });
        }
      },
    ),
    { numRuns: 300 },
  );
}, 120_000);

function check(
  journal: ControlJournal,
  first: NewJob[],
  query: Partial<JobsQuery>,
  limit: number,
  between: typeof steps extends fc.Arbitrary<infer T> ? T : never,
): void {
  const jobs = new Map<string, NewJob>();
  let time = 1_000;
  const add = (one: NewJob) => {
    const draft = (index: number) => {
      const outcome = one.endings[index];
      return outcome && { outcome, message: `how: ${outcome}` };
    };
    const agents = agentIds.slice(0, one.endings.length);
    jobs.set(fill(journal, { ...one, agents, createdAt: ++time, ending: draft }), one);
  };
  const prune = (share: number) => {
    wholeIndex(journal);
    const before = 1_001 + ((time - 1_000) * share) / 100;
    const keep = { now: time + jobRetentionMsMin, before, requestsMax: 1_000_000, floor: before };
    journal.upkeep.pruneJobs(keep, "");
  };
  for (const one of first) add(one);
  const atFirst = [...jobs.keys()].reverse();
  const listed: string[] = [];
  let before: string | undefined;
  let isOver = false;
  const page = () => {
    if (isOver) return;
    const from = before === undefined ? {} : { before };
    const { jobs: items, next } = journal.jobs({ limit, ...query, ...from });
    expect(items.length).toBeLessThanOrEqual(limit);
    listed.push(...items.map(({ jobId }) => jobId));
    before = next;
    isOver = next === undefined;
  };
  page();
  for (const step of between) {
    if (step.type === "page") page();
    else if (step.type === "add") add(step.job);
    else prune(step.share);
  }
  while (!isOver) page();
  expect(listed).toEqual([...new Set(listed)]);
  expect(listed).toEqual([...listed].sort().reverse());
  for (const jobId of listed) expect(fits(jobs.get(jobId) as NewJob, query)).toBe(true);
  const stayed = atFirst.filter((jobId) => journal.job(jobId) !== undefined);
  const wanted = stayed.filter((jobId) => fits(jobs.get(jobId) as NewJob, query));
  expect(wanted.filter((jobId) => !listed.includes(jobId))).toEqual([]);
}
