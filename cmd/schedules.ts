import { defineCommand } from "citty";
import type { Client } from "../lib/client/client.ts";
import type { ScheduleRequestInput, ScheduleView, Timing } from "../lib/protocol/api/schedules.ts";
import { jitterSecondsMax, startingDeadlineSecondsMax } from "../lib/protocol/api/schedules.ts";
import { WsctlError } from "../lib/protocol/errors.ts";
import { isTimestamp } from "../lib/protocol/timestamp.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { createClient } from "./flags/connection.ts";
import { type JobFlags, jobArgs, parseJobFlags } from "./flags/job.ts";
import { type ConfirmFlags, confirmArgs, requireConfirmation } from "./flags/target.ts";
import { formatDuration, parsePause, parseSeconds, parseSecondsWithin } from "./flags/values.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the schedule",
} as const;

const create = defineCommand({
  meta: {
    name: "create",
    description: "Create a schedule; every run is a job",
    examples: [
      'wsctl schedules create nightly cleanup --all --cron "0 3 * * *" --time-zone Europe/Berlin',
      "wsctl schedules create pulse ping --target env=prod --every 15m --jitter 1m",
      "wsctl schedules create tonight restart --agent web-1 --at 2030-01-02T22:00:00Z",
    ],
  },
  args: {
    name,
    command: {
      type: "positional",
      required: true,
      valueHint: "COMMAND",
      description: "command to run",
    },
    ...clientArgs,
    cron: {
      type: "string",
      valueHint: "FIELDS",
      description: 'minute hour day month weekday, "0 3 * * 1-5"; six fields begin with seconds',
    },
    "time-zone": {
      type: "string",
      valueHint: "ZONE",
      description: "time zone of --cron, such as Europe/Berlin; default: UTC",
    },
    every: { type: "string", valueHint: "TIME", description: "interval, counted from now" },
    at: {
      type: "string",
      valueHint: "TIME",
      description: "time of a single run: 2030-01-02T22:00:00Z, or 30m from now",
    },
    "starting-deadline": {
      type: "string",
      default: "1m",
      valueHint: "TIME|none",
      description: "skip a run that is later than this; none: start the latest missed run",
    },
    "concurrency-policy": {
      type: "enum",
      options: ["forbid", "allow", "replace"],
      default: "forbid",
      description: "while the previous job is open: skip the run, start it, or cancel that job",
    },
    jitter: {
      type: "string",
      default: "0s",
      valueHint: "TIME",
      description: "maximum random delay of each run",
    },
    ...jobArgs,
    force: {
      type: "boolean",
      description: "accept a command that no selected agent has yet",
    },
    ttl: { ...jobArgs.ttl, description: "how long to wait for offline agents; default: 1h" },
    ...confirmArgs,
  },
  run: ({ args, data }) => {
    const { param = [] } = (data as CommandData).lists;
    return createRun({ ...args, param });
  },
});

const list = defineCommand({
  meta: { name: "list", description: "List schedules with their next and last run" },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const args = { name, ...clientArgs } as const;

const show = defineCommand({
  meta: { name: "show", description: "Show one schedule" },
  args,
  run: ({ args }) => showRun(args),
});

const pause = defineCommand({
  meta: { name: "pause", description: "Pause a schedule" },
  args,
  run: ({ args }) => pauseRun(args, "pause"),
});

const resume = defineCommand({
  meta: { name: "resume", description: "Resume a schedule" },
  args,
  run: ({ args }) => pauseRun(args, "resume"),
});

const runNow = defineCommand({
  meta: { name: "run-now", description: "Start a run now, in addition to the schedule" },
  args,
  run: ({ args }) => runNowRun(args),
});

const remove = defineCommand({
  meta: { name: "delete", description: "Delete a schedule; its jobs continue" },
  args,
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "schedules", description: "Manage scheduled jobs" },
  default: "list",
  subCommands: { create, list, show, pause, resume, "run-now": runNow, delete: remove },
});

interface CreateFlags extends ClientFlags, JobFlags, ConfirmFlags {
  name: string;
  cron?: string | undefined;
  "time-zone"?: string | undefined;
  every?: string | undefined;
  at?: string | undefined;
  "starting-deadline": string;
  "concurrency-policy": "forbid" | "allow" | "replace";
  jitter: string;
}

type Named = ClientFlags & { name: string; json?: boolean | undefined };

async function createRun(flags: CreateFlags & { json?: boolean | undefined }): Promise<number> {
  const order: ScheduleRequestInput = {
    name: flags.name,
    timing: parseTiming(flags),
    job: parseJobFlags(flags),
    starting_deadline_seconds: parseDeadline(flags["starting-deadline"]),
    concurrency_policy: flags["concurrency-policy"],
    jitter_seconds: parsePause("jitter", flags.jitter, jitterSecondsMax),
  };
  const client = await createClient(flags);
  await confirmSchedule(client, order, flags);
  const made = await client.createSchedule(order);
  if (flags.json) printJson(made);
  else print(`${made.name}: first at ${made.next_at ?? "-"}`);
  return exitOk;
}

/** Confirms the agents that the target selects now; a later run may select others. */
async function confirmSchedule(
  client: Client,
  { job }: ScheduleRequestInput,
  flags: ConfirmFlags,
): Promise<void> {
  try {
    const { target, require_online = false } = job;
    const meant = await client.targets({ target, require_online });
    await requireConfirmation(flags, job.command, meant);
  } catch (error) {
    if (!(error instanceof WsctlError) || error.code !== "NO_MATCH") throw error;
    remark(`For now: ${error.message}`);
  }
}

async function listRun(flags: ClientFlags & { json?: boolean | undefined }): Promise<number> {
  const schedules = await (await createClient(flags)).schedules();
  if (flags.json) schedules.forEach(printJson);
  else if (schedules.length === 0) {
    remark('No schedules. Create one with "wsctl schedules create".');
  } else {
    const headings = ["NAME", "COMMAND", "WHEN", "NEXT", "LATEST"];
    print(
      table(
        headings,
        schedules.map((each) => [
          each.name,
          each.job.command,
          formatTiming(each.timing),
          formatNextRun(each),
          formatLastRun(each),
        ]),
      ),
    );
  }
  return exitOk;
}

async function showRun(flags: Named): Promise<number> {
  const schedule = await (await createClient(flags)).schedule(flags.name);
  if (flags.json) printJson(schedule);
  else print(detail(schedule));
  return exitOk;
}

async function pauseRun(flags: Named, what: "pause" | "resume"): Promise<number> {
  const schedule = await (await createClient(flags)).setSchedulePaused(flags.name, what);
  if (flags.json) printJson(schedule);
  else if (what === "pause") print(`${flags.name}: paused`);
  else if (schedule.next_at !== undefined) print(`${flags.name}: next at ${schedule.next_at}`);
  else print(`${flags.name}: no further run: its time passed while it was paused`);
  return exitOk;
}

async function runNowRun(flags: Named): Promise<number> {
  const { job_id: id } = await (await createClient(flags)).runSchedule(flags.name);
  if (flags.json) printJson({ job_id: id });
  else print(id);
  remark(`Follow it with: wsctl jobs watch ${id}`);
  return exitOk;
}

async function deleteRun(flags: Named): Promise<number> {
  await (await createClient(flags)).deleteSchedule(flags.name);
  if (flags.json) printJson({ name: flags.name, deleted: true });
  else print(`deleted ${flags.name}`);
  return exitOk;
}

function parseTiming(flags: CreateFlags): Timing {
  const { cron, every, at } = flags;
  const given = [cron, every, at].filter((each) => each !== undefined);
  if (given.length !== 1) throw usage("Specify exactly one of --cron, --every or --at");
  const zone = flags["time-zone"];
  if (cron !== undefined) return { cron, time_zone: zone ?? "UTC" };
  if (zone !== undefined) throw usage("Flag --time-zone needs --cron");
  if (every !== undefined) return { every_seconds: parseSeconds("every", every) };
  return { at: parseMomentFlag(at ?? "") };
}

function parseDeadline(text: string): number | null {
  const flag = "starting-deadline";
  return text === "none" ? null : parseSecondsWithin(flag, text, startingDeadlineSecondsMax);
}

/** Parses a time, or a duration from now. */
function parseMomentFlag(text: string): string {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) {
    return new Date(Date.now() + parseSeconds("at", text) * 1000).toISOString();
  }
  // A date that does not exist must not become another date.
  const isThere = isTimestamp(text.replace(/[+-]\d\d:\d\d$/, "Z"));
  if (isThere && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString();
  throw usage(
    `Flag --at is "${text}": expected 2030-01-02T22:00:00Z, or a time from now such as 30m`,
  );
}

function formatTiming(timing: Timing): string {
  if ("cron" in timing) return `${timing.cron} ${timing.time_zone}`;
  return "at" in timing ? "once" : `every ${formatDuration(timing.every_seconds)}`;
}

function formatNextRun({ next_at, paused_at }: ScheduleView): string {
  if (paused_at !== undefined) return "paused";
  return next_at ?? "no more";
}

function formatLastRun({ last_run: last }: ScheduleView): string {
  if (last === undefined) return "-";
  return last.job_id ?? `${last.due_at} not run: ${last.skip_reason}`;
}

function detail(schedule: ScheduleView): string {
  const { job, jitter_seconds: jitter, starting_deadline_seconds: deadline } = schedule;
  const rows = [
    ["schedule", schedule.name],
    ["command", job.command],
    ["parameters", job.parameters === undefined ? "-" : JSON.stringify(job.parameters)],
    ["target", JSON.stringify(job.target)],
    ["when", formatTiming(schedule.timing)],
    ["starting deadline", deadline === null ? "none" : formatDuration(deadline)],
    ["concurrency policy", schedule.concurrency_policy],
    ...(jitter === 0 ? [] : [["jitter", `up to ${jitter} s`]]),
    ["created", `${schedule.created_at} by ${schedule.created_by}`],
    ["next", formatNextRun(schedule)],
    ...(schedule.pause_reason === undefined ? [] : [["paused as", schedule.pause_reason]]),
    ["latest", formatLastRun(schedule)],
  ];
  return table(["FIELD", "VALUE"], rows);
}
