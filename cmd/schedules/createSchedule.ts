/** `wsctl schedules create`: a job that runs at set times, given by flags or by a template. */
import { defineCommand } from "citty";
import type { Client } from "../../lib/client/client.ts";
import type { JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import {
  jitterSecondsMax,
  type ScheduleRequestInput,
  type ScheduleView,
  startingDeadlineSecondsMax,
} from "../../lib/protocol/api/schedules.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
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
import { parseParams, parsePause, parseSecondsWithin } from "../flags/values.ts";
import { quantity } from "../output/quantity.ts";
import { print, printJson, remark } from "../output/stdio.ts";
import { parseTiming, type TimingFlags, timingArgs } from "./scheduleTiming.ts";
import { checkSignFlags, type SignFlags, signArgs, signByFlags } from "./signFlags.ts";

export const create = defineCommand({
  meta: {
    name: "create",
    description: "Create a schedule; every run is a job",
    examples: [
      'wsctl schedules create nightly cleanup --all --cron "0 3 * * *" --time-zone Europe/Berlin',
      "wsctl schedules create pulse ping --target env=prod --every 15m --jitter 1m",
      "wsctl schedules create tonight restart --agent web-1 --at 2030-01-02T22:00:00Z",
      'wsctl schedules create weekly --template deploy-web --param version=v7 --cron "0 3 * * 1"',
      'wsctl schedules create rotate restart --agent vault-1 --cron "0 3 * * *" --sign alice --not-after 90d',
      "wsctl schedules create rotate restart --agent vault-1 --every 1d --sign alice --not-after 30d --save rotate.json",
      "wsctl schedules create --signed rotate.json",
    ],
  },
  args: {
    name: {
      type: "positional",
      required: false,
      valueHint: "NAME",
      description: "name of the schedule, unless --signed has it",
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
    signed: {
      type: "string",
      valueHint: "FILE",
      description: "create the signed schedule of this file, which --save has written",
    },
    ...clientArgs,
    ...timingArgs,
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
    ...signArgs,
    ...confirmArgs,
  },
  run: ({ args, data }) => {
    const { param = [], sign = [] } = (data as CommandData).lists;
    return createRun({ ...args, param, sign });
  },
});

type JobAndTiming = Omit<JobFlags, "command"> & TimingFlags & SignFlags;

interface CreateFlags extends ClientFlags, JobAndTiming, ConfirmFlags {
  name?: string | undefined;
  signed?: string | undefined;
  command?: string | undefined;
  template?: string | undefined;
  "starting-deadline": string;
  "concurrency-policy": "forbid" | "allow" | "replace";
  jitter: string;
}

async function createRun(flags: CreateFlags & { json?: boolean | undefined }): Promise<number> {
  const { signed } = flags;
  const spec = signed === undefined ? parseSpec(flags) : await readSpec(flags, signed);
  const client = await createClient(flags);
  const { job, template: _none, ...rest } = spec;
  const isSigning = flags.sign.length > 0 && job !== undefined;
  if (!isSigning) await confirmSchedule(client, spec, flags);
  const complete = isSigning ? await signByFlags({ ...rest, job }, flags, client) : spec;
  if (flags.save !== undefined) return saveSigned(flags.save, complete);
  const made = await client.createSchedule(complete);
  if (flags.json) printJson(made);
  else print(`${made.name}: first at ${made.next_at ?? "-"}`);
  remarkOnSigned(made, flags.json);
  return exitOk;
}

async function saveSigned(path: string, spec: object): Promise<number> {
  const { writeSigned } = await import("../signing/signedFile.ts");
  writeSigned(path, spec);
  print(path);
  const creation = `wsctl schedules create --signed ${path}`;
  remark(`Add a signature with "wsctl keys sign ${path} --key KEY"; create it with "${creation}"`);
  return exitOk;
}

function remarkOnSigned({ signed }: ScheduleView, isJson = false): void {
  if (signed === undefined || isJson) return;
  remark(`Signed for at most ${quantity(signed.max_runs, "run")} until ${signed.not_after}`);
}

/** @throws {WsctlError} USAGE if a flag would change what is signed. */
async function readSpec(flags: CreateFlags, file: string): Promise<ScheduleRequestInput> {
  const names = ["name", "command", "template", "cron", "every", "at", "agent", "target"] as const;
  const given = names.find((each) => flags[each] !== undefined);
  if (given !== undefined || flags.sign.length > 0 || flags.all) {
    throw usage(`Flag --signed takes no other ${given ?? "flag"}: the file has the whole schedule`);
  }
  checkSignFlags(flags);
  const { readSignedSchedule } = await import("../signing/signedFile.ts");
  const { template: _none, ...spec } = readSignedSchedule(file);
  return spec;
}

function parseSpec(flags: CreateFlags): ScheduleRequestInput {
  const { name } = flags;
  if (name === undefined) throw usage("Missing argument NAME: write it, or --signed FILE");
  checkSignFlags(flags);
  return {
    name,
    timing: parseTiming(flags),
    ...(flags.template === undefined ? { job: parseJob(flags) } : parseTemplate(flags)),
    starting_deadline_seconds: parseDeadline(flags["starting-deadline"]),
    concurrency_policy: flags["concurrency-policy"],
    jitter_seconds: parsePause("jitter", flags.jitter, jitterSecondsMax),
  };
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

function parseDeadline(text: string): number | null {
  const flag = "starting-deadline";
  return text === "none" ? null : parseSecondsWithin(flag, text, startingDeadlineSecondsMax);
}
