import { defineCommand } from "citty";
import { Client } from "../lib/client/client.ts";
import type { JobDetail, RequestView } from "../lib/protocol/api/views.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "./cli/exit.ts";
import { createClient, findControlPlane } from "./flags/controlPlane.ts";
import { confirmArgs } from "./flags/target.ts";
import { formatMs } from "./flags/values.ts";
import { type FollowFlags, followArgs, JobFollower } from "./jobs/followJob.ts";
import { list } from "./jobs/listJobs.ts";
import { retry } from "./jobs/retryJob.ts";
import { submitAndFollow, waitArg } from "./jobs/submitAndFollow.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const id = {
  type: "positional",
  required: true,
  valueHint: "JOB",
  description: "job ID, or its beginning of at least 4 characters",
} as const;

const show = defineCommand({
  meta: {
    name: "show",
    description: "Show one job and its requests",
    examples: ["wsctl jobs show 01a2", "wsctl jobs show 01a2 --json"],
  },
  args: { id, ...clientArgs },
  run: ({ args }) => showRun(args),
});

const cancel = defineCommand({
  meta: {
    name: "cancel",
    description: "Cancel a job: queued requests end, running commands are stopped",
    examples: ["wsctl jobs cancel 01a2"],
  },
  args: {
    id,
    ...clientArgs,
  },
  run: ({ args }) => cancelRun(args),
});

const watch = defineCommand({
  meta: {
    name: "watch",
    description: "Follow a job until its last outcome",
    examples: ["wsctl jobs watch JOB", "wsctl jobs watch JOB --output results"],
  },
  args: { id, ...clientArgs, ...followArgs },
  run: ({ args }) => watchRun(args),
});

const create = defineCommand({
  meta: {
    name: "create",
    description: "Create a job from a file of wsctl send --save",
    examples: ["wsctl jobs create update.json"],
  },
  args: {
    file: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "file with the signed job",
    },
    ...clientArgs,
    ...confirmArgs,
    ...followArgs,
    wait: waitArg,
  },
  async run({ args }) {
    const { readSignedJob } = await import("./signing/signedFile.ts");
    return submitAndFollow(readSignedJob(args.file), await findControlPlane(args), args);
  },
});

const approve = defineCommand({
  meta: {
    name: "approve",
    description: "Approve a job that needs a second operator",
    examples: ["wsctl jobs approve 01a2"],
  },
  args: { id, ...clientArgs },
  run: ({ args }) => approveRun(args),
});

const pause = defineCommand({
  meta: {
    name: "pause",
    description: "Pause a job; requests already sent continue",
    examples: ["wsctl jobs pause 01a2"],
  },
  args: { id, ...clientArgs },
  run: ({ args }) => pauseRun(args, "pause"),
});

const resume = defineCommand({
  meta: {
    name: "resume",
    description: "Resume a paused job",
    examples: ["wsctl jobs resume 01a2"],
  },
  args: { id, ...clientArgs },
  run: ({ args }) => pauseRun(args, "resume"),
});

export default defineCommand({
  meta: { name: "jobs", description: "List, show and manage jobs" },
  default: "list",
  subCommands: { list, show, watch, cancel, pause, resume, retry, create, approve },
});

async function pauseRun(
  options: JobsOptions & { id: string },
  what: "pause" | "resume",
): Promise<number> {
  const client = await createClient(options);
  const job = await (what === "pause" ? client.pauseJob(options.id) : client.resumeJob(options.id));
  if (options.json) printJson(job);
  else print(`${what}d ${job.job_id}: ${job.ended} of ${quantity(job.total, "request")} ended`);
  return exitOk;
}

async function approveRun(options: JobsOptions & { id: string }): Promise<number> {
  const job = await (await createClient(options)).approveJob(options.id);
  if (options.json) printJson(job);
  else print(`approved ${job.job_id}: ${job.command} for ${quantity(job.total, "agent")}`);
  return exitOk;
}

export interface JobsOptions extends ClientFlags {
  json?: boolean | undefined;
}

export async function showRun(options: JobsOptions & { id: string }): Promise<number> {
  const job = await (await createClient(options)).job(options.id);
  if (options.json) printJson(job);
  else print(detail(job));
  return exitOk;
}

/**
 * Cancels a job. Requests that were sent are stopped; their outcomes show whether they had already
 * ended.
 */
async function cancelRun(options: JobsOptions & { id: string }): Promise<number> {
  const job = await (await createClient(options)).cancelJob(options.id);
  if (options.json) printJson(job);
  else {
    const sent = job.requests.filter(({ state }) => state === "sent").length;
    const cancelled = job.requests.filter(({ code }) => code === "CANCELLED").length;
    if (sent === 0 && cancelled === 0) {
      print(`${job.job_id} had already ended: nothing to cancel`);
    } else print(`${cancelled} cancelled, ${sent} stopping, of ${job.total}`);
    if (sent > 0) remark(`Follow their outcomes with: wsctl jobs watch ${job.job_id}`);
  }
  return exitOk;
}

/**
 * Follows a job and returns the exit status that `send` would return. Ctrl-C detaches; `jobs
 * cancel` cancels the job.
 */
export async function watchRun(
  options: JobsOptions & FollowFlags & { id: string },
): Promise<number> {
  const controlPlane = await findControlPlane(options);
  const client = new Client(controlPlane);
  const job = await client.job(options.id);
  const follower = await JobFollower.open({
    ...{ flags: options, controlPlane, client, job },
    interrupt: () => ({ isDetached: waitForSignal(() => process.exit(exitFailed)) }),
  });
  const lines = client.watchJob(job, follower.streamOptions);
  return follower.follow({ accepted: { job }, lines });
}

function detail(job: JobDetail): string {
  const facts = [
    ["job", job.job_id],
    ["command", job.command],
    ["parameters", job.parameters === undefined ? "-" : JSON.stringify(job.parameters)],
    ["created", `${job.created_at} by ${formatCreator(job)}`],
    ...(job.reason === undefined ? [] : [["reason", job.reason]]),
    ...(job.cancelled_at === undefined ? [] : [["cancelled", job.cancelled_at]]),
    ["limits", `timeout ${job.timeout_seconds} s, TTL ${job.ttl_seconds} s`],
    ...formatRollout(job),
    ["ended", `${job.ended} of ${job.total}, ${job.succeeded} with success`],
  ];
  const headings = [
    "AGENT",
    "STATE",
    "CODE",
    "SENT",
    "STARTED",
    "RAN",
    "ENDED",
    "REQUEST",
    "MESSAGE",
  ];
  const rows = job.requests.map(requestRow);
  return `${table(["FIELD", "VALUE"], facts)}\n\n${table(headings, rows)}`;
}

function formatCreator({ created_by: id, created_by_name: name }: JobDetail): string {
  return name === undefined ? id : `${name} (token ${id})`;
}

function formatRollout(job: JobDetail): string[][] {
  const { canary, canary_pause_seconds: wait = 0, batch, waves } = job.rollout ?? {};
  const { batch_pause_seconds: pause = 0, max_failures: most } = job.rollout ?? {};
  const inWaves = waves ? `, in waves with a pause of ${pause} s` : "";
  return [
    ...(canary === undefined ? [] : [["canaries", `${canary} first, then ${wait} s`]]),
    ...(batch === undefined ? [] : [["batch", `${batch} at the same time${inWaves}`]]),
    ...(most === undefined ? [] : [["stops", `after more than ${most} failures`]]),
    ...(job.priority === undefined ? [] : [["priority", job.priority]]),
    ...(job.paused_at === undefined ? [] : [["paused", job.paused_at]]),
    ...(job.retry_of === undefined ? [] : [["retry of", job.retry_of]]),
  ];
}

/** Times are shown relative to the acceptance of the job. */
function requestRow(request: RequestView): string[] {
  const { queued_at, sent_at, started_at, ended_at, execution_ms } = request;
  const after = (at: string | undefined) =>
    at === undefined ? "-" : `+${formatMs(Date.parse(at) - Date.parse(queued_at))}`;
  return [
    request.agent,
    request.state,
    request.code ?? "-",
    after(sent_at),
    after(started_at),
    execution_ms === undefined ? "-" : formatMs(execution_ms),
    after(ended_at),
    request.request_id,
    request.message ?? "-",
  ];
}
