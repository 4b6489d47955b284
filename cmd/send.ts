import { type ArgsDef, defineCommand } from "citty";
import * as v from "valibot";
import { Client } from "../lib/client/client.ts";
import type { AcceptedLine, JobOrderInput, Target } from "../lib/protocol/api.ts";
import { JobOrder } from "../lib/protocol/api.ts";
import { issueText } from "../lib/protocol/issueText.ts";
import type { JsonObject } from "../lib/protocol/json.ts";
import { timeoutSecondsMax, ttlSecondsMax } from "../lib/protocol/limits.ts";
import { type CommandData, usage } from "./_args.ts";
import { commandHelp } from "./_commandHelp.ts";
import { type ClientFlags, clientArgs, clientOf, controlPlaneOf, readFile } from "./_common.ts";
import { exitOk } from "./_exit.ts";
import { type FollowFlags, followArgs, followJob } from "./_followJob.ts";
import { newInterrupt } from "./_interrupt.ts";
import { print, printJson, readStdin, remark, requireStdout } from "./_output.ts";
import type { HelpAsked } from "./_table.ts";
import { accessFlags, agentIds, typedWords } from "./_typed.ts";
import { agentIdOf, parseObject, parseParams, parseSecondsWithin, parseShare } from "./_units.ts";

const sendArgs = {
  command: {
    type: "positional",
    required: true,
    valueHint: "COMMAND",
    description: "what to run, such as ping or restart",
  },
  ...clientArgs,
  agent: { type: "string", valueHint: "ID[,ID…]", description: "send it to these agents" },
  all: {
    type: "boolean",
    description: "send it to every known agent, those that are away included",
  },
  param: {
    type: "string",
    valueHint: "KEY=VALUE",
    description: "a parameter; VALUE is JSON or else text; may be repeated",
  },
  params: {
    type: "string",
    valueHint: "JSON|@FILE|-",
    description: "all parameters as one JSON object",
  },
  timeout: {
    type: "string",
    valueHint: "TIME",
    description: "how long the command may run; by default what it asks for, or 30s",
  },
  ttl: {
    type: "string",
    default: "1h",
    valueHint: "TIME",
    description: "how long to wait for an agent that is away",
  },
  batch: {
    type: "string",
    valueHint: "N|P%",
    description: "so many agents at a time: the next begins when one has ended",
  },
  "max-failures": {
    type: "string",
    valueHint: "N|P%",
    description: "with one more failure than this, whoever has not begun never will",
  },
  ...followArgs,
  wait: {
    type: "boolean",
    default: true,
    description: "wait for the answers",
    negativeDescription: "print the job and do not wait for its answers",
  },
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "send",
    description: "Send a command and print each answer",
    examples: [
      "wsctl send ping --all",
      "wsctl send restart --agent web-1,web-2 --param delay_seconds=5",
      "wsctl send info --agent web-1 --ttl 1d --no-wait",
      "wsctl send deploy --all --param version=v7 --output deploy-v7",
      "wsctl send update --all --batch 10% --max-failures 0",
    ],
    help: helpOn,
  },
  args: sendArgs,
  run: ({ args, data }) => sendRun({ ...args, param: (data as CommandData).lists.param ?? [] }),
});

export interface SendOptions extends ClientFlags, FollowFlags {
  command: string;
  agent?: string | undefined;
  all?: boolean | undefined;
  param: string[];
  params?: string | undefined;
  timeout?: string | undefined;
  ttl: string;
  batch?: string | undefined;
  "max-failures"?: string | undefined;
  wait: boolean;
}

/** Sends, prints every outcome as it comes; the outcomes decide the exit status. */
export async function sendRun(options: SendOptions): Promise<number> {
  const order = orderOf(options);
  const controlPlane = await controlPlaneOf(options);
  const client = new Client(controlPlane);
  if (!options.wait) {
    requireStdout();
    const accepted = await client.sendOnly(order);
    if (options.json) printJson({ job_id: accepted.job.job_id, requests: accepted.requests });
    else print(accepted.job.job_id);
    return exitOk;
  }
  return followJob({
    flags: options,
    controlPlane,
    client,
    asked: order,
    interrupt: newInterrupt,
    begin: async (how) => {
      const sent = await client.send(order, how);
      if (!options.json) remarkOnWaiting(sent.accepted, options.ttl);
      return sent;
    },
  });
}

/** Help on a command that an agent has; without an agent there is only help on the flags. */
async function helpOn({ words, sources }: HelpAsked): Promise<string | undefined> {
  const typed = typedWords(words, sendArgs);
  const [command] = typed.positionals;
  if (command === undefined) return undefined;
  const { agent, ...access } = accessFlags(typed, await sources());
  const ids = agentIds(agent);
  if (ids.length > 0) return commandHelp(await clientOf(access), ids, command);
  remark("What a command takes is for an agent to say: add --agent ID");
  return undefined;
}

function remarkOnWaiting(accepted: AcceptedLine, ttl: string): void {
  const away = accepted.requests.filter((request) => !request.online);
  if (away.length === 0) return;
  const names = away.slice(0, 5).map((request) => request.agent);
  const more = away.length > names.length ? ` and ${away.length - names.length} more` : "";
  remark(`Waiting up to ${ttl} for agents that are away: ${names.join(", ")}${more}`);
  remark(
    `Ctrl-C leaves the job waiting, twice withdraws it; follow it with: wsctl jobs watch ${accepted.job.job_id}`,
  );
}

function orderOf(options: SendOptions): JobOrderInput {
  const order: JobOrderInput = {
    command: options.command,
    target: targetOf(options),
    ttl_seconds: parseSecondsWithin("ttl", options.ttl, ttlSecondsMax),
  };
  const { timeout, batch } = options;
  if (timeout !== undefined) {
    order.timeout_seconds = parseSecondsWithin("timeout", timeout, timeoutSecondsMax);
  }
  if (batch !== undefined) order.batch = parseShare("batch", batch, 1);
  const most = options["max-failures"];
  if (most !== undefined) order.max_failures = parseShare("max-failures", most, 0);
  const parameters = parametersOf(options);
  if (parameters !== undefined) order.parameters = parameters;
  const checked = v.safeParse(JobOrder, order);
  if (!checked.success) throw usage(`Cannot send: ${issueText(checked.issues[0])}`);
  return order;
}

function targetOf(options: SendOptions): Target {
  if (options.all && options.agent !== undefined) {
    throw usage("Flags --agent and --all exclude each other: give one");
  }
  if (options.all) return { all: true };
  if (options.agent === undefined) throw usage("Nobody to send to: give --agent ID or --all");
  return { agents: options.agent.split(",").map((id) => agentIdOf("agent", id.trim())) };
}

function parametersOf(options: SendOptions): JsonObject | undefined {
  const { params, param } = options;
  if (params === undefined) return param.length === 0 ? undefined : parseParams(param);
  if (param.length > 0) throw usage("Flags --param and --params exclude each other: give one kind");
  if (params === "-") return parseObject("standard input", readStdin());
  if (!params.startsWith("@")) return parseObject("its value", params);
  return parseObject(`file "${params.slice(1)}"`, readFile("params", params.slice(1)));
}
