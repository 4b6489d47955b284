/** Short requests are written into the index at once, and as they would be one fact after another. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Job, OpenRequest, Outcome } from "../../../../../lib/control/core/model.ts";
import type { ControlFact } from "../../../../../lib/control/journal/entries.ts";
import type { UnappliedBatch } from "../../../../../lib/control/journal/feed/unapplied.ts";
import { IndexWriter } from "../../../../../lib/control/journal/index/indexWriter.ts";
import { openIndex } from "../../../../../lib/control/journal/index/openDatabases.ts";
import type { Database } from "../../../../../lib/store/sqlite.ts";
import { temporaryDir } from "../../../../support/processes/processes.ts";

const job = (id: number, withKey: boolean): Job => ({
  ...{ jobId: `j${id}`, command: "ping", target: { agents: ["a"] }, timeoutMs: 1, ttlMs: 2 },
  ...{ createdAt: 1_000 + id, createdBy: "t", reason: "why", parameters: { a: id } },
  ...(withKey ? { idempotency: { key: `k${id % 3}`, fingerprint: "f" } } : {}),
});
const request = (id: string, jobId: string): OpenRequest => ({
  ...{ requestId: id, jobId, agentId: "a", state: "sent", sentAt: 1_001, journalId: "n" },
});
const outcome = (id: string, jobId: string, isGood: boolean): Outcome => ({
  ...{ requestId: id, jobId, agentId: "a", outcome: isGood ? "success" : "failed" },
  ...{ message: "done", result: { pid: 7 }, endedAt: 2_000, durationMs: 9, executionMs: 3 },
});

interface Plan {
  id: number;
  withKey: boolean;
  isGood: boolean;
  /** Other facts between the first and the last. */
  between: "nothing" | "sent" | "batch" | "cancelled";
  requests: 1 | 2;
  hasEnded: boolean;
}

const plans = fc.uniqueArray(
  fc.record<Plan>({
    id: fc.nat(9),
    withKey: fc.boolean(),
    isGood: fc.boolean(),
    between: fc.constantFrom("nothing", "sent", "batch", "cancelled"),
    requests: fc.constantFrom(1, 2),
    hasEnded: fc.boolean(),
  }),
  { selector: ({ id }) => id, maxLength: 10 },
);

function factsOf({ id, withKey, isGood, between, requests, hasEnded }: Plan): ControlFact[] {
  const [jobId, first, second] = [`j${id}`, `r${id}-1`, `r${id}-2`];
  const ids = requests === 1 ? [first] : [first, second];
  const created: ControlFact = {
    ...{ type: "job_created", job: job(id, withKey) },
    requests: ids.map((each) => request(each, jobId)),
  };
  const middle: Record<Plan["between"], ControlFact[]> = {
    nothing: [],
    sent: [{ type: "request_sent", request_id: first, time: 1_500, journal_id: "m" }],
    batch: [{ type: "batch_started", request_id: first, time: 1_400 }],
    cancelled: [{ type: "job_cancelled", job_id: jobId, time: 1_600 } as ControlFact],
  };
  const ended: ControlFact = { type: "request_ended", outcome: outcome(first, jobId, isGood) };
  return [created, ...middle[between], ...(hasEnded ? [ended] : [])];
}

function batchOf(facts: readonly ControlFact[], place: UnappliedBatch["place"]): UnappliedBatch {
  return { facts, lines: facts.map((fact) => JSON.stringify(fact)), place };
}

/** Facts in batches, each with its place in the log. */
function batchesOf(facts: readonly ControlFact[], size: number): UnappliedBatch[] {
  const batches: UnappliedBatch[] = [];
  for (let at = 0; at < facts.length; at += size) {
    const place = { sequence: at + 1, segment: 1, offset: at };
    batches.push(batchOf(facts.slice(at, at + size), place));
  }
  return batches;
}

function rowsOf(db: Database): unknown[] {
  const tables = ["jobs", "requests", "log_batches"];
  return tables.map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all());
}

test("an index written in batches is the one that is written fact by fact", () => {
  let number = 0;
  using dir = temporaryDir();
  const written = (write: (index: IndexWriter) => void) => {
    const db = openIndex(join(`${dir}`, `${number++}.db`), false);
    write(new IndexWriter(db));
    const rows = rowsOf(db);
    db.close();
    return rows;
  };
  const check = (all: Plan[], size: number, known: number) => {
    const facts = all.flatMap(factsOf);
    const batches = batchesOf(facts, size);
    const one = (index: IndexWriter, { facts: some, place }: UnappliedBatch) => {
      for (const [at, fact] of some.entries()) {
        index.applyAll([batchOf([fact], { ...place, sequence: place.sequence + at })]);
      }
    };
    // Some of them may be in the index already.
    const isKnown = batches.slice(0, known);
    const slowly = written((index) => {
      for (const batch of [...isKnown, ...batches]) one(index, batch);
    });
    const quickly = written((index) => {
      for (const batch of isKnown) one(index, batch);
      index.applyAll(batches);
    });
    expect(quickly).toEqual(slowly);
  };
  fc.assert(fc.property(plans, fc.integer({ min: 1, max: 8 }), fc.nat(3), check), { numRuns: 20 });
});
