/** `wsctl jobs list`: lists jobs by their properties and their outcomes. */
import { defineCommand } from "citty";
import type { Client } from "../../lib/client/client.ts";
import type { JobsQuery } from "../../lib/client/jobsQuery.ts";
import { type JobStatus, type JobView, jobStatuses } from "../../lib/protocol/api/views.ts";
import { type ClientFlags, clientArgs } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";
import { createClient } from "../flags/controlPlane.ts";
import { parseAgentId, parseMoment, wholeNumber } from "../flags/values.ts";
import {
  type Column,
  type FormatFlags,
  formatArgs,
  parseFormat,
  printList,
} from "../output/format.ts";
import { remark } from "../output/stdio.ts";

const limitMax = 500;

export const list = defineCommand({
  meta: {
    name: "list",
    description: "List jobs, newest first",
    examples: [
      "wsctl jobs list --agent web-1 --status failed --since 2d",
      "wsctl jobs list --search 'no space'",
      "wsctl jobs list --schedule nightly --status failed",
      "wsctl jobs list --by ana --since 1d",
    ],
  },
  args: {
    ...clientArgs,
    agent: { type: "string", valueHint: "ID", description: "jobs for this agent" },
    command: { type: "string", valueHint: "COMMAND", description: "jobs of this command" },
    status: {
      type: "enum",
      options: [...jobStatuses],
      description: "jobs with a request in this state or with this outcome",
    },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "jobs created since then: 2h, 7d, 2026-01-31T00:00:00Z",
    },
    by: {
      type: "string",
      valueHint: "NAME",
      description: "jobs of the operator with this name or token ID",
    },
    schedule: { type: "string", valueHint: "SCHEDULE", description: "jobs of this schedule" },
    search: {
      type: "string",
      valueHint: "WORDS",
      description: "jobs with all of these words in the message or code of a request",
    },
    ...formatArgs,
    limit: { type: "string", default: "50", valueHint: "N", description: "maximum number of rows" },
    cursor: { type: "string", valueHint: "JOB", description: "jobs older than this one" },
  },
  run: ({ args }) => listRun({ ...args, now: Date.now() }),
});

/** The outcome comes first: a terminal of 80 columns has no space for the rest. */
const columns: Column<JobView>[] = [
  { name: "job", value: ({ job_id }) => job_id },
  { name: "command", value: ({ command }) => command },
  { name: "state", value: formatState },
  { name: "ended", value: ({ ended }) => ended },
  { name: "total", value: ({ total }) => total },
  { name: "success", value: ({ succeeded }) => succeeded },
  { name: "created", value: ({ created_at }) => created_at },
  { name: "by", value: ({ created_by, created_by_name }) => created_by_name ?? created_by },
  { name: "schedule", value: ({ schedule }) => schedule, isWide: true },
  { name: "reason", value: ({ reason }) => reason, isWide: true },
  { name: "target", value: ({ target }) => JSON.stringify(target), isWide: true },
];

function formatState({ ended, total, paused_at, approval, cancelled_at }: JobView): string {
  if (ended === total) return cancelled_at === undefined ? "ended" : "cancelled";
  if (paused_at !== undefined) return "paused";
  return approval?.status === "pending" ? "pending approval" : "open";
}

export interface ListJobsOptions extends ClientFlags, FormatFlags {
  agent?: string | undefined;
  command?: string | undefined;
  status?: string | undefined;
  since?: string | undefined;
  by?: string | undefined;
  schedule?: string | undefined;
  search?: string | undefined;
  limit: string;
  cursor?: string | undefined;
  /** Milliseconds since 1970. */
  now: number;
}

export async function listRun(options: ListJobsOptions): Promise<number> {
  const limit = wholeNumber("limit", options.limit, 1, limitMax);
  const filters = parseFilters(options);
  const { cursor } = options;
  const { jobs, next, share } = await firstJobs(
    await createClient(options),
    filters,
    limit,
    cursor,
  );
  const isFiltered = Object.keys(filters).length > 0 || cursor !== undefined;
  const isForPeople = ["table", "wide"].includes(parseFormat(options) ?? "table");
  if (jobs.length > 0 || !isForPeople) await printList(jobs, columns, options);
  else remark(isFiltered ? "No job matches." : 'No jobs. Create one with "wsctl send".');
  if (share !== undefined) {
    const done = `${Math.floor(share * 100)}% is done`;
    remark(`Older jobs may be missing: the index of the control plane is being rebuilt (${done}).`);
  }
  if (next !== undefined) remark(`More results: repeat with --cursor ${next}`);
  return exitOk;
}

/** Reads page after page, because with filters one page may hold fewer jobs than requested. */
async function firstJobs(
  client: Client,
  filters: JobsQuery,
  limit: number,
  cursor: string | undefined,
): Promise<{ jobs: JobView[]; next: string | undefined; share: number | undefined }> {
  const jobs: JobView[] = [];
  let next = cursor;
  let share: number | undefined;
  do {
    const from = next === undefined ? {} : { cursor: next };
    const page = await client.jobs({ ...filters, ...from, limit: limit - jobs.length });
    jobs.push(...page.items);
    next = page.next_cursor;
    share = page.index_progress;
  } while (next !== undefined && jobs.length < limit);
  return { jobs, next, share };
}

function parseFilters(options: ListJobsOptions): JobsQuery {
  const { agent, command, status, since, by, schedule, search, now } = options;
  return {
    ...(agent === undefined ? {} : { agent: parseAgentId("agent", agent) }),
    ...(command === undefined ? {} : { command }),
    // The parser accepts only these words.
    ...(status === undefined ? {} : { status: status as JobStatus }),
    ...(since === undefined ? {} : { since: parseMoment("since", since, now) }),
    ...(by === undefined ? {} : { by }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(search === undefined ? {} : { search }),
  };
}
