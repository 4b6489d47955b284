/** The parts of the index across updates. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fill, openJournal, wholeIndex } from "../../../../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../../../../support/processes/processes.ts";

test("partitions of another size are dropped and created again, because their numbers mean other ranges", () => {
  using dir = temporaryDir();
  const draft = () => ({ outcome: "success" as const, message: "pong" });
  const list = (journal: ReturnType<typeof openJournal>) => {
    const found = journal.jobs({ limit: 10, search: "pong" }).jobs.map(({ jobId }) => jobId);
    expect(journal.jobs({ limit: 10, agentId: "a" }).jobs.map(({ jobId }) => jobId)).toEqual(found);
    return found;
  };
  const before = openJournal(`${dir}`);
  const jobs = [1, 2, 3].map((createdAt) =>
    fill(before, { agents: ["a"], createdAt, ending: draft }),
  );
  wholeIndex(before);
  before.close();
  const db = new DatabaseSync(join(`${dir}`, "index.db"));
  for (const table of ["request_agents", "outcome_words"]) {
    db.exec(`ALTER TABLE ${table}_0 RENAME TO ${table}_7`);
  }
  db.exec(
    "UPDATE index_partitions SET part = 7; UPDATE history_index SET partition_requests = 1000",
  );
  db.close();
  const after = openJournal(`${dir}`);
  expect(list(after)).toEqual(jobs.toReversed());
  const last = after.outcomes(jobs[2] ?? "", 0, 1)[0]?.sequence ?? 0;
  const next = fill(after, { agents: ["a"], createdAt: 4, ending: draft });
  expect(after.outcomes(next, 0, 1)[0]?.sequence).toBeGreaterThan(last);
  after.close();
  const again = openJournal(`${dir}`);
  expect(list(again)).toEqual([next, ...jobs.toReversed()]);
  again.close();
});
