/** `wsctl schedules create`: a job that runs at set times, given by flags or by a template. */
import { defineCommand } from "citty";
import type { Client } from "../../lib/client/client.ts";
import type { JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import {
  jitterSecondsMax,
  type ScheduleRequestInput,
  startingDeadlineSecondsMax,
} from "../../lib/protocol/api/schedules.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { isTimestamp } from "../../lib/protocol/timestamp.ts";
import type { Timing } from "../../lib/protocol/timing.ts";
import { type ClientFlags, clientArgs } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";
import { type CommandData, usage } from "../cli/strictArgs.ts";
import { createClient } from "../flags/controlPlane.ts";
import { type JobFlags, jobArgs, parseJobFlags } from "../flags/job.ts";
import {
  type ConfirmFlags,
  confirmArgs,
  parseTarget,
  requireConfirmation,
} from "../flags/target.ts";
import { parseParams, parsePause, parseSeconds, parseSecondsWithin } from "../flags/values.ts";
import { print, printJson, remark } from "../output/stdio.ts";

export const create = defineCommand({
  meta: {
    name: "create",
    description: "Create a schedule; every run is a job",
    examples: [
      'wsctl schedules create nightly cleanup --all --cron "0 3 * * *" --time-zone Europe/Berlin',
      "wsctl schedules create pulse ping --target env=prod --every 15m --jitter 1m",
      "wsctl schedules create tonight restart --agent web-1 --at 2030-01-02T22:00:00Z",
      'wsctl schedules create weekly --template deploy-web --param version=v7 --cron "0 3 * * 1"',
    ],
  },
  args: {
    name: {
      type: "positional",
      required: true,
      valueHint: "NAME",
      description: "name of the schedule",
    },
    command: {
      type: "positional",
      required: false,
      valueHint: "COMMAND",
      description: "command to run, unless --template names a template",
    },
    template: {
      type: "string",
      valueHint: "NAME",
      description: "template whose job runs, as it is now",
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
    ttl: { ...jobArgs.ttl, description: "how long to wait for offline agents; default: 1h" },
    ...confirmArgs,
  },
  run: ({ args, data }) => {
    const { param = [] } = (data as CommandData).lists;
    return createRun({ ...args, param });
  },
});

interface CreateFlags extends ClientFlags, Omit<JobFlags, "command">, ConfirmFlags {
  name: string;
  command?: string | undefined;
  template?: string | undefined;
  cron?: string | undefined;
  "time-zone"?: string | undefined;
  every?: string | undefined;
  at?: string | undefined;
  "starting-deadline": string;
  "concurrency-policy": "forbid" | "allow" | "replace";
  jitter: string;
}

async function createRun(flags: CreateFlags & { json?: boolean | undefined }): Promise<number> {
  const order: ScheduleRequestInput = {
    name: flags.name,
    timing: parseTiming(flags),
    ...(flags.template === undefined ? { job: parseJob(flags) } : parseTemplate(flags)),
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
  { job, template }: ScheduleRequestInput,
  flags: ConfirmFlags,
): Promise<void> {
  const saved = template && (await client.templates.get(template.name)).job;
  const { command = "", require_online = false } = job ?? saved ?? {};
  const target = job?.target ?? template?.target ?? saved?.target;
  if (target === undefined) return;
  try {
    const meant = await client.targets({ target, require_online });
    await requireConfirmation(flags, command, meant);
  } catch (error) {
    if (!(error instanceof WsctlError) || error.code !== "NO_MATCH") throw error;
    remark(`For now: ${error.message}`);
  }
}

function parseJob(flags: CreateFlags): JobRequestInput {
  const { command } = flags;
  if (command === undefined) throw usage("Missing argument COMMAND: write it, or --template NAME");
  return parseJobFlags({ ...flags, command });
}

/** Flags that a template has already. */
const templateFlags = [
  ...(["params", "timeout", "ttl", "batch", "waves", "batch-pause", "canary"] as const),
  ...(["canary-pause", "max-failures", "force"] as const),
];

function parseTemplate(flags: CreateFlags): Pick<ScheduleRequestInput, "template"> {
  const { command, template: name = "", reason } = flags;
  if (command !== undefined) {
    throw usage(`COMMAND "${command}" and --template cannot be combined: specify one of them`);
  }
  const given = templateFlags.find((flag) => flags[flag] !== undefined && flags[flag] !== false);
  if (given !== undefined || flags.priority !== "normal") {
    throw usage(
      `Flag --${given ?? "priority"} and --template cannot be combined: the template has it`,
    );
  }
  const hasTarget = flags.agent !== undefined || flags.target !== undefined || flags.all === true;
  return {
    template: {
      name,
      parameters: flags.param.length === 0 ? {} : parseParams(flags.param),
      ...(hasTarget ? { target: parseTarget(flags) } : {}),
      ...(reason === undefined ? {} : { reason }),
    },
  };
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
