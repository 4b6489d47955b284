/**
 * Compares what the operator was told with what the control plane wrote down and with what was
 * really run. Whatever was killed, cut or full in between, the three must agree.
 */
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type PackedId, unpackId } from "../../lib/control/journal/index/packId.ts";
import type { AcceptedLine, OutcomeLine } from "../../lib/protocol/api/views.ts";
import { openJournal } from "../support/fixtures/filledJournal.ts";
import { temporaryDir } from "../support/processes/processes.ts";

/** Everything that operators were told, as they were told it. */
export class OperatorLog {
  readonly accepted: { jobId: string; requestIds: string[] }[] = [];
  readonly outcomes: OutcomeLine[] = [];
  /** Orders, by their line, that were refused for good: nothing may ever have come of them. */
  readonly refused: { line: string; code: string }[] = [];

  tellAccepted({ job, requests }: AcceptedLine): void {
    const requestIds = requests.map(({ request_id }) => request_id);
    this.accepted.push({ jobId: job.job_id, requestIds });
  }
}

export interface JobRow {
  job_id: string;
  parameters: string | null;
  total: number;
  ended: number;
  succeeded: number;
}

export interface RequestRow {
  request_id: string;
  job_id: string;
  agent_id: string;
  state: string;
  sequence: number | null;
  code: string | null;
  message: string | null;
}

/** What the control plane has on record. */
export interface Recorded {
  jobs: ReadonlyMap<string, JobRow>;
  requests: ReadonlyMap<string, RequestRow>;
}

export interface Evidence extends Recorded {
  log: OperatorLog;
  ranFile: string;
}

export interface Checked {
  faults: string[];
  /** Requests by outcome, with the code where there is one. */
  counts: Record<string, number>;
  /** Lines that were appended. */
  ran: number;
}

const endings = new Set(["success", "failed", "error", "expired", "cancelled", "lost"]);

/** Codes with which the agent or the control plane vouches that nothing was started. */
const neverRan = new Set([
  "INVALID_COMMAND",
  "INVALID_PARAMETERS",
  "BUSY",
  "STORAGE_UNAVAILABLE",
  "EXPIRED",
]);

/** Throws with everything that does not fit. The control plane must have ended. */
export function check(evidence: Pick<Evidence, "log" | "ranFile"> & { dataDir: string }): Checked {
  const checked = examine({ ...evidence, ...readJournal(evidence.dataDir) });
  if (checked.faults.length > 0) throw new Error(checked.faults.join("\n"));
  return checked;
}

/** Finds everything that does not fit. */
export function examine({ log, jobs, requests, ranFile }: Evidence): Checked {
  const ran = readRan(ranFile);
  const faults = [
    ...acceptedFaults(log, jobs, requests),
    ...endingFaults(jobs, requests),
    ...toldFaults(log, requests),
    ...ranFaults(jobs, requests, ran),
    ...refusedFaults(log, jobs, ran),
  ];
  const counts: Record<string, number> = {};
  for (const { state, code } of requests.values()) {
    const kind = code === null ? state : `${state} ${code}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return { faults, counts, ran: [...ran.values()].reduce((sum, count) => sum + count, 0) };
}

function unpacked(row: Record<string, unknown>): Record<string, unknown> {
  const ids = ["job_id", "request_id"].filter((name) => name in row);
  return { ...row, ...Object.fromEntries(ids.map((id) => [id, unpackId(row[id] as PackedId)])) };
}

/** Reads a copy of the log, from which the index is built: reading must neither change nor lock. */
function readJournal(dataDir: string): Recorded {
  using copy = temporaryDir();
  cpSync(join(dataDir, "log"), join(`${copy}`, "log"), { recursive: true });
  openJournal(`${copy}`).close();
  const db = new DatabaseSync(join(`${copy}`, "index.db"));
  const jobs = db.prepare("SELECT * FROM jobs").all().map(unpacked) as unknown as JobRow[];
  const requests = db
    .prepare("SELECT * FROM requests")
    .all()
    .map(unpacked) as unknown as RequestRow[];
  db.close();
  return {
    jobs: new Map(jobs.map((job) => [job.job_id, job])),
    requests: new Map(requests.map((request) => [request.request_id, request])),
  };
}

type Jobs = ReadonlyMap<string, JobRow>;
type Requests = ReadonlyMap<string, RequestRow>;
type Ran = ReadonlyMap<string, number>;

/** How often each line was appended; behind the line is the process that did it. */
function readRan(file: string): Ran {
  const ran = new Map<string, number>();
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  for (const appended of text.split("\n").slice(0, -1)) {
    const line = appended.replace(/ \d+$/, "");
    ran.set(line, (ran.get(line) ?? 0) + 1);
  }
  return ran;
}

function acceptedFaults(log: OperatorLog, jobs: Jobs, requests: Requests): string[] {
  return log.accepted.flatMap(({ jobId, requestIds }) => {
    if (!jobs.has(jobId)) return [`job ${jobId} was accepted and is not in the journal`];
    return requestIds
      .filter((id) => requests.get(id)?.job_id !== jobId)
      .map((id) => `request ${id} of the accepted job ${jobId} is not in the journal`);
  });
}

function endingFaults(jobs: Jobs, requests: Requests): string[] {
  const faults: string[] = [];
  const sequences = new Set<number>();
  for (const { request_id, state, sequence } of requests.values()) {
    if (!endings.has(state) || sequence === null) faults.push(`request ${request_id} is ${state}`);
    else if (sequences.has(sequence)) faults.push(`two outcomes have the number ${sequence}`);
    if (sequence !== null) sequences.add(sequence);
  }
  for (const { job_id, total, ended, succeeded } of jobs.values()) {
    const own = [...requests.values()].filter((request) => request.job_id === job_id);
    const successes = own.filter(({ state }) => state === "success").length;
    if (own.length !== total || ended !== total || succeeded !== successes) {
      const counted = `${ended} ended and ${succeeded} succeeded of ${total}`;
      faults.push(`job ${job_id} counts ${counted}, and has ${own.length}, ${successes} well`);
    }
  }
  return faults;
}

function toldFaults(log: OperatorLog, requests: Requests): string[] {
  const faults: string[] = [];
  const told = new Set<string>();
  for (const { request_id: id, outcome, code, message } of log.outcomes) {
    const request = requests.get(id);
    if (told.has(id)) faults.push(`the operator was told twice how ${id} ended`);
    told.add(id);
    const said = JSON.stringify([outcome, code ?? null, message ?? null]);
    const written = JSON.stringify([request?.state, request?.code, request?.message]);
    if (said !== written) faults.push(`the operator was told ${said} of ${id}, it is ${written}`);
  }
  return faults;
}

function ranFaults(jobs: Jobs, requests: Requests, ran: Ran): string[] {
  const faults: string[] = [];
  const known = new Set<string>();
  for (const { request_id: id, job_id, state, code } of requests.values()) {
    const line = lineOf(jobs.get(job_id));
    if (line === undefined) continue;
    if (known.has(line)) faults.push(`two requests were accepted for the one marker "${line}"`);
    known.add(line);
    const count = ran.get(line) ?? 0;
    const what = `request ${id} ("${line}") is ${state} ${code ?? ""} and ran ${count} times`;
    const mustNot =
      state === "expired" ||
      state === "cancelled" ||
      (state === "error" && neverRan.has(`${code}`));
    const must = state === "success" || state === "failed";
    if (count > 1 || (mustNot && count !== 0) || (must && count !== 1)) faults.push(what);
  }
  for (const [line] of ran) {
    if (!known.has(line)) faults.push(`"${line}" ran, and no request in the journal asked for it`);
  }
  return faults;
}

function refusedFaults(log: OperatorLog, jobs: Jobs, ran: Ran): string[] {
  const lines = new Set([...jobs.values()].map(lineOf));
  return log.refused.flatMap(({ line, code }) =>
    lines.has(line) || ran.has(line) ? [`"${line}" was refused (${code}) and is there`] : [],
  );
}

/** What the job was to append; undefined for other commands. */
function lineOf(job: JobRow | undefined): string | undefined {
  if (job === undefined || job.parameters === null) return undefined;
  return (JSON.parse(job.parameters) as { line?: string }).line;
}
