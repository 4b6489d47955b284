import { defineCommand } from "citty";
import type { ScheduleView } from "../lib/protocol/api/schedules.ts";
import type { Timing } from "../lib/protocol/timing.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { createClient } from "./flags/controlPlane.ts";
import { formatDuration } from "./flags/values.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";
import { create } from "./schedules/createSchedule.ts";

const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the schedule",
} as const;

const list = defineCommand({
  meta: {
    name: "list",
    description: "List schedules with their next and last run",
    examples: ["wsctl schedules list"],
  },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const args = { name, ...clientArgs } as const;

const show = defineCommand({
  meta: {
    name: "show",
    description: "Show one schedule",
    examples: ["wsctl schedules show nightly"],
  },
  args,
  run: ({ args }) => showRun(args),
});

const pause = defineCommand({
  meta: {
    name: "pause",
    description: "Pause a schedule",
    examples: ["wsctl schedules pause nightly"],
  },
  args,
  run: ({ args }) => pauseRun(args, "pause"),
});

const resume = defineCommand({
  meta: {
    name: "resume",
    description: "Resume a schedule",
    examples: ["wsctl schedules resume nightly"],
  },
  args,
  run: ({ args }) => pauseRun(args, "resume"),
});

const runNow = defineCommand({
  meta: {
    name: "run-now",
    description: "Start a run now, in addition to the schedule",
    examples: ["wsctl schedules run-now nightly"],
  },
  args,
  run: ({ args }) => runNowRun(args),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete a schedule; its jobs continue",
    examples: ["wsctl schedules delete nightly"],
  },
  args,
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "schedules", description: "Manage scheduled jobs" },
  default: "list",
  subCommands: { create, list, show, pause, resume, "run-now": runNow, delete: remove },
});

type Named = ClientFlags & { name: string; json?: boolean | undefined };

async function listRun(flags: ClientFlags & { json?: boolean | undefined }): Promise<number> {
  const schedules = await (await createClient(flags)).schedules();
  if (flags.json) schedules.forEach(printJson);
  else if (schedules.length === 0) {
    remark('No schedules. Create one with "wsctl schedules create".');
  } else {
    const isAnySigned = schedules.some(({ signed }) => signed !== undefined);
    const left = isAnySigned ? ["LEFT"] : [];
    const rows = schedules.map((each) => [
      each.name,
      each.job.command,
      formatTiming(each.timing),
      formatNextRun(each),
      ...(isAnySigned ? [formatLeft(each)] : []),
      formatLastRun(each),
    ]);
    print(table(["NAME", "COMMAND", "WHEN", "NEXT", ...left, "LATEST"], rows));
    for (const each of schedules) remarkOnEnd(each);
  }
  return exitOk;
}

async function showRun(flags: Named): Promise<number> {
  const schedule = await (await createClient(flags)).schedule(flags.name);
  if (flags.json) printJson(schedule);
  else {
    print(detail(schedule));
    remarkOnEnd(schedule);
  }
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

function formatTiming(timing: Timing): string {
  if ("cron" in timing) return `${timing.cron} ${timing.time_zone}`;
  return "at" in timing ? "once" : `every ${formatDuration(timing.every_seconds)}`;
}

function formatNextRun({ next_at, paused_at }: ScheduleView): string {
  if (paused_at !== undefined) return "paused";
  return next_at ?? "no more";
}

/** How many signed runs are left, and until when. */
function formatLeft({ signed }: ScheduleView): string {
  if (signed === undefined) return "-";
  return `${quantity(signed.runs_left, "run")}, until ${signed.not_after}`;
}

function remarkOnEnd(schedule: ScheduleView): void {
  const { name, signed, paused_at } = schedule;
  if (!signed?.ends_soon || paused_at !== undefined) return;
  const text = `Schedule ${name} ends soon: ${formatLeft(schedule)}`;
  remark(`${text}. Delete it and create it again, signed, for more runs`);
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
    ...formatSigned(schedule),
    ["created", `${schedule.created_at} by ${schedule.created_by}`],
    ["next", formatNextRun(schedule)],
    ...(schedule.pause_reason === undefined ? [] : [["paused as", schedule.pause_reason]]),
    ["latest", formatLastRun(schedule)],
  ];
  return table(["FIELD", "VALUE"], rows);
}

function formatSigned(schedule: ScheduleView): string[][] {
  const { signed } = schedule;
  if (signed === undefined) return [];
  const { keys, not_before, not_after, max_runs } = signed;
  const bounds = `${not_before} to ${not_after}, at most ${quantity(max_runs, "run")}`;
  return [
    ["signed by", keys.join(", ")],
    ["signed for", bounds],
    ["left", formatLeft(schedule)],
  ];
}
