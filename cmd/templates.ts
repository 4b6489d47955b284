import { type ArgsDef, defineCommand } from "citty";
import { Client } from "../lib/client/client.ts";
import type { JobRequestInput } from "../lib/protocol/api/jobs.ts";
import type { Target } from "../lib/protocol/api/target.ts";
import type { TemplateRunInput, TemplateView } from "../lib/protocol/api/templates.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { createClient, findControlPlane } from "./flags/controlPlane.ts";
import { buildJobRequest, type JobFlags, jobArgs, parseParameters } from "./flags/job.ts";
import { confirmArgs, parseTarget, type TargetFlags, targetArgs } from "./flags/target.ts";
import { parseParams } from "./flags/values.ts";
import { followArgs } from "./jobs/followJob.ts";
import {
  type JobCreation,
  type SubmitFlags,
  submitAndFollow,
  waitArg,
} from "./jobs/submitAndFollow.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";
import { promptParameters } from "./templates/promptParameters.ts";
import { fileArgs, parseFiles, uploadFiles } from "./transfer/parameterFiles.ts";

const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the template",
} as const;

const createArgs = {
  name,
  command: {
    type: "positional",
    required: true,
    valueHint: "COMMAND",
    description: "command to run",
  },
  ...clientArgs,
  description: { type: "string", valueHint: "TEXT", description: "what the template is for" },
  prompt: {
    type: "string",
    valueHint: "NAME[=TEXT]",
    description: "parameter that each run fills in, with a text for people (repeatable)",
  },
  ...jobArgs,
} as const satisfies ArgsDef;

const create = defineCommand({
  meta: {
    name: "create",
    description: "Save a job under a name; its parameters are defaults",
    examples: [
      "wsctl templates create deploy-web deploy --target @web --canary 1 --batch 10% --prompt version",
      'wsctl templates create free exec --params \'{"argv":["df","-h"]}\' --all',
    ],
  },
  args: createArgs,
  run: ({ args, data }) => {
    const { param = [], prompt = [] } = (data as CommandData).lists;
    return createRun({ ...args, param, prompts: prompt });
  },
});

const run = defineCommand({
  meta: {
    name: "run",
    description: "Run a template and print the outcome of each agent",
    examples: [
      "wsctl templates run deploy-web --param version=v7",
      "wsctl templates run free --agent web-1",
    ],
  },
  args: {
    name,
    ...clientArgs,
    ...targetArgs,
    param: {
      type: "string",
      valueHint: "KEY=VALUE",
      description:
        "parameter that the template asks for; VALUE is JSON, otherwise text (repeatable)",
    },
    ...fileArgs,
    reason: {
      type: "string",
      valueHint: "TEXT",
      description: "why; default: the reason of the template",
    },
    ...confirmArgs,
    ...followArgs,
    wait: waitArg,
  },
  run: ({ args, data }) => {
    const { param = [], file = [] } = (data as CommandData).lists;
    return runRun({ ...args, param, files: file });
  },
});

const list = defineCommand({
  meta: { name: "list", description: "List templates", examples: ["wsctl templates list"] },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const show = defineCommand({
  meta: {
    name: "show",
    description: "Show one template",
    examples: ["wsctl templates show deploy-web"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => showRun(args),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete a template; its jobs continue",
    examples: ["wsctl templates delete deploy-web"],
  },
  args: { name, ...clientArgs },
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: { name: "templates", description: "Manage and run saved jobs" },
  default: "list",
  subCommands: { create, run, list, show, delete: remove },
});

type Flags = ClientFlags & { json?: boolean | undefined };
type CreateFlags = Flags &
  JobFlags & { name: string; description?: string | undefined; prompts: string[] };
type RunFlags = SubmitFlags &
  TargetFlags & { name: string; param: string[]; files: string[]; reason?: string | undefined };

async function createRun(flags: CreateFlags): Promise<number> {
  const { description } = flags;
  const given = targetOf(flags);
  // The target is optional in a template; the other fields are those of a job.
  const shaped = buildJobRequest(
    flags.command,
    given === undefined ? { ...flags, all: true } : flags,
    () => {
      return parseParameters(flags);
    },
  );
  const { target, ...rest } = shaped;
  const made = await (await createClient(flags)).templates.create({
    name: flags.name,
    ...(description === undefined ? {} : { description }),
    job: given === undefined ? rest : { ...rest, target },
    prompts: Object.fromEntries(flags.prompts.map(parsePrompt)),
  });
  if (flags.json) printJson(made);
  else print(`${made.name}: run it with "wsctl templates run ${made.name}"`);
  return exitOk;
}

function targetOf(flags: TargetFlags): Target | undefined {
  const { agent, target, all } = flags;
  return agent === undefined && target === undefined && !all ? undefined : parseTarget(flags);
}

function parsePrompt(text: string): [string, { description?: string }] {
  const [, parameter, , description] = /^([^=]+)(=(.*))?$/s.exec(text) ?? [];
  if (parameter === undefined)
    throw usage(`Flag --prompt is "${text}": expected NAME or NAME=TEXT`);
  return [parameter, description === undefined ? {} : { description }];
}

async function runRun(flags: RunFlags): Promise<number> {
  const given = flags.param.length === 0 ? {} : parseParams(flags.param);
  const files = parseFiles(flags.files, given);
  const controlPlane = await findControlPlane(flags);
  const client = new Client(controlPlane);
  const template = await client.templates.get(flags.name);
  const uploaded = await uploadFiles(files, controlPlane);
  const parameters = await promptParameters(template, { ...given, ...uploaded });
  const target = targetOf(flags) ?? template.job.target;
  if (target === undefined)
    throw usage(`Template "${flags.name}" has no target: specify --agent, --target or --all`);
  const request: JobRequestInput = { ...template.job, target };
  const { reason } = flags;
  const filled: TemplateRunInput = {
    parameters,
    target,
    ...(reason === undefined ? {} : { reason }),
  };
  return submitAndFollow(request, controlPlane, flags, creationOf(client, flags.name, filled));
}

/** The control plane builds the job; only the confirmed number of agents is taken from the request. */
function creationOf(client: Client, of: string, filled: TemplateRunInput): JobCreation {
  const within = ({ max_agents: max }: JobRequestInput): TemplateRunInput => {
    return max === undefined ? filled : { ...filled, max_agents: max };
  };
  return {
    send: (request, options) => client.templates.run(of, within(request), options),
    sendOnly: (request) => client.templates.runOnly(of, within(request)),
  };
}

async function listRun(flags: Flags): Promise<number> {
  const templates = await (await createClient(flags)).templates.list();
  if (flags.json) templates.forEach(printJson);
  else if (templates.length === 0) {
    remark("No templates. Create one with: wsctl templates create NAME COMMAND");
  } else {
    const rows = templates.map((each) => [
      each.name,
      each.job.command,
      Object.keys(each.prompts).join(", ") || "-",
      each.created_by_name ?? each.created_by,
      each.description ?? "-",
    ]);
    print(table(["NAME", "COMMAND", "PROMPTS", "BY", "DESCRIPTION"], rows));
  }
  return exitOk;
}

async function showRun(flags: Flags & { name: string }): Promise<number> {
  const template = await (await createClient(flags)).templates.get(flags.name);
  if (flags.json) printJson(template);
  else print(detail(template));
  return exitOk;
}

async function deleteRun(flags: Flags & { name: string }): Promise<number> {
  await (await createClient(flags)).templates.delete(flags.name);
  if (flags.json) printJson({ name: flags.name, deleted: true });
  else print(`deleted ${flags.name}`);
  return exitOk;
}

function detail(template: TemplateView): string {
  const { job, prompts, created_by_name: by = template.created_by } = template;
  const rows = [
    ["template", template.name],
    ...(template.description === undefined ? [] : [["description", template.description]]),
    ["command", job.command],
    ["parameters", job.parameters === undefined ? "-" : JSON.stringify(job.parameters)],
    ...Object.entries(prompts).map(([parameter, { description = "-" }]) => {
      return [`prompt ${parameter}`, description];
    }),
    ["target", job.target === undefined ? "each run names one" : JSON.stringify(job.target)],
    ...(job.rollout === undefined ? [] : [["rollout", JSON.stringify(job.rollout)]]),
    ...(job.reason === undefined ? [] : [["reason", job.reason]]),
    ["created", `${template.created_at} by ${by}`],
  ];
  return table(["FIELD", "VALUE"], rows);
}
