/** The checker finds what it is there to find: each lie, loss and repetition, one by one. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeKind, OutcomeLine } from "../../lib/protocol/api/views.ts";
import { temporaryDir } from "../support/processes/processes.ts";
import { examine, type JobRow, OperatorLog, type RequestRow } from "./checker.ts";

interface Story {
  /** What the journal says; undefined where the journal knows nothing of the job. */
  state?: string;
  code?: string;
  /** Lines in the append file. */
  ran: number;
  told?: { outcome: OutcomeKind; code?: string }[];
  refused?: string;
  ended?: number;
}

function faultsOf({ state, code, ran, told = [], refused, ended = 1 }: Story): string[] {
  using dir = temporaryDir();
  const jobs = new Map<string, JobRow>();
  const requests = new Map<string, RequestRow>();
  if (state !== undefined) {
    const sequence = state === "queued" || state === "sent" ? null : 1;
    const parameters = JSON.stringify({ line: "line 1" });
    const succeeded = state === "success" ? 1 : 0;
    jobs.set("j", { job_id: "j", parameters, total: 1, ended, succeeded });
    const of = { request_id: "r", job_id: "j", agent_id: "web-1" };
    requests.set("r", { ...of, state, sequence, code: code ?? null, message: null });
  }
  const ranFile = join(`${dir}`, "ran.txt");
  writeFileSync(ranFile, "line 1 4711\n".repeat(ran));
  const log = new OperatorLog();
  if (refused === undefined) log.accepted.push({ jobId: "j", requestIds: ["r"] });
  else log.refused.push({ line: "line 1", code: refused });
  for (const one of told) log.outcomes.push({ request_id: "r", ...one } as OutcomeLine);
  return examine({ log, jobs, requests, ranFile }).faults;
}

const told = (outcome: OutcomeKind, code?: string) =>
  code === undefined ? [{ outcome }] : [{ outcome, code }];

test("checker: reports nothing for a consistent history", () => {
  const fitting: Story[] = [
    { state: "success", ran: 1, told: told("success") },
    { state: "failed", ran: 1, told: told("failed") },
    { state: "lost", code: "INTERRUPTED", ran: 1, told: told("lost", "INTERRUPTED") },
    { state: "lost", code: "INTERRUPTED", ran: 0 },
    { state: "expired", code: "EXPIRED", ran: 0, told: told("expired", "EXPIRED") },
    { state: "error", code: "BUSY", ran: 0, told: told("error", "BUSY") },
    { ran: 0, refused: "STORAGE_UNAVAILABLE" },
  ];
  for (const story of fitting) expect(faultsOf(story)).toEqual([]);
});

test("checker: reports each planted fault", () => {
  const faulty: [Story, RegExp][] = [
    [{ ran: 0 }, /was accepted and is not in the journal/],
    [{ state: "queued", ran: 0, ended: 0 }, /request r is queued/],
    [{ state: "sent", ran: 1, ended: 0 }, /request r is sent/],
    [{ state: "success", ran: 1, ended: 2 }, /job j counts 2 ended/],
    [{ state: "success", ran: 0 }, /ran 0 times/],
    [{ state: "success", ran: 2 }, /ran 2 times/],
    [{ state: "lost", ran: 2 }, /ran 2 times/],
    [{ state: "expired", ran: 1 }, /expired.*ran 1 times/],
    [{ state: "cancelled", ran: 1 }, /cancelled.*ran 1 times/],
    [{ state: "error", code: "INVALID_COMMAND", ran: 1 }, /ran 1 times/],
    [{ state: "error", code: "BUSY", ran: 1 }, /ran 1 times/],
    [{ state: "error", code: "STORAGE_UNAVAILABLE", ran: 1 }, /ran 1 times/],
    [{ state: "lost", ran: 1, told: told("success") }, /operator was told/],
    [{ state: "error", code: "BUSY", ran: 0, told: told("error", "TIMEOUT") }, /operator was told/],
    [{ state: "success", ran: 1, told: [...told("success"), ...told("success")] }, /told twice/],
    [{ state: "success", ran: 1, refused: "BUSY" }, /was refused \(BUSY\) and is there/],
    [{ ran: 1, refused: "UNAVAILABLE" }, /no request in the journal asked for it/],
  ];
  for (const [story, pattern] of faulty) expect(faultsOf(story).join("\n")).toMatch(pattern);
});
