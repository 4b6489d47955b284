import { defineCommand } from "citty";
import * as v from "valibot";
import type { Sent } from "../lib/client/client.ts";
import type { AcceptedLine, JobOrderInput, OutcomeLine, Target } from "../lib/protocol/api.ts";
import { JobOrder } from "../lib/protocol/api.ts";
import { issueText } from "../lib/protocol/issueText.ts";
import type { JsonObject } from "../lib/protocol/json.ts";
import { type CommandData, usage } from "./_args.ts";
import { type ClientFlags, clientArgs, clientOf, readFile } from "./_common.ts";
import { exitFailed, exitInterrupted, exitOk } from "./_exit.ts";
import { newInterrupt } from "./_interrupt.ts";
import { paint, print, printJson, readStdin, remark, visible } from "./_output.ts";
import { parseObject, parseParams, parseSeconds } from "./_units.ts";

export default defineCommand({
  meta: {
    name: "send",
    description: "Send a command and print each answer",
    examples: [
      "wsctl send ping --all",
      "wsctl send restart --agent web-1,web-2 --param delay_seconds=5",
      "wsctl send info --agent web-1 --ttl 1d --no-wait",
    ],
  },
  args: {
    command: {
      type: "positional",
      required: true,
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
      default: "30s",
      valueHint: "TIME",
      description: "how long the command may run",
    },
    ttl: {
      type: "string",
      default: "1h",
      valueHint: "TIME",
      description: "how long to wait for an agent that is away",
    },
    wait: {
      type: "boolean",
      default: true,
      description: "wait for the answers",
      negativeDescription: "print the job and do not wait for its answers",
    },
  },
  run: ({ args, data }) => sendRun({ ...args, param: (data as CommandData).lists.param ?? [] }),
});

export interface SendOptions extends ClientFlags {
  command: string;
  agent?: string | undefined;
  all?: boolean | undefined;
  param: string[];
  params?: string | undefined;
  timeout: string;
  ttl: string;
  wait: boolean;
  json?: boolean | undefined;
}

/** Sends, prints every outcome as it comes; the outcomes decide the exit status. */
export async function sendRun(options: SendOptions): Promise<number> {
  const order = orderOf(options);
  const client = await clientOf(options);
  if (!options.wait) {
    const accepted = await client.sendOnly(order);
    if (options.json) printJson({ job_id: accepted.job.job_id, requests: accepted.requests });
    else print(accepted.job.job_id);
    return exitOk;
  }
  let jobId: string | undefined;
  const interrupt = newInterrupt(async () => {
    if (jobId !== undefined) await client.cancelJob(jobId);
  });
  try {
    const sent = await client.send(order, interrupt.left);
    jobId = sent.accepted.job.job_id;
    if (!options.json) remarkOnWaiting(sent.accepted, options.ttl);
    return await printOutcomes(sent, options);
  } catch (error) {
    if (jobId !== undefined) {
      remark(`The job goes on; see it with: wsctl jobs show ${jobId}`);
      remark(`Withdraw it with: wsctl jobs cancel ${jobId}`);
    }
    if (interrupt.left.aborted) return exitInterrupted;
    throw error;
  }
}

async function printOutcomes(sent: Sent, options: SendOptions): Promise<number> {
  const counts = new Map<string, number>();
  for await (const line of sent.outcomes) {
    counts.set(line.outcome, (counts.get(line.outcome) ?? 0) + 1);
    if (options.json) printJson({ ...line, cursor: undefined });
    else printOutcome(line);
  }
  if (!options.json && sent.accepted.job.total > 1) {
    const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
    remark(`${sent.accepted.job.total} agents: ${parts.join(", ")}`);
  }
  return counts.get("success") === sent.accepted.job.total ? exitOk : exitFailed;
}

function printOutcome(line: OutcomeLine): void {
  const { agent, outcome, code, message, result, duration_ms } = line;
  const word = paint(outcome === "success" ? "green" : "red", outcome);
  const duration = paint("grey", `(${duration_ms} ms)`);
  const lines = visible(message ?? "").split("\n");
  const isShort = lines.length === 1;
  const parts = [agent, word, visible(code ?? ""), isShort ? lines[0] : "", duration];
  print(parts.filter((part) => part !== "").join("  "));
  if (!isShort) for (const line of lines) print(`[${agent}] ${line}`);
  if (tellsMore(result)) print(visible(JSON.stringify(result, null, 2)));
}

/** Whether a result says more than the outcome, which tells of the exit status already. */
function tellsMore(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return result !== undefined;
  return Object.keys(result).some((key) => key !== "exit_code" && key !== "signal");
}

function remarkOnWaiting(accepted: AcceptedLine, ttl: string): void {
  const away = accepted.requests.filter((request) => !request.online);
  if (away.length === 0) return;
  const names = away.slice(0, 5).map((request) => request.agent);
  const more = away.length > names.length ? ` and ${away.length - names.length} more` : "";
  remark(`Waiting up to ${ttl} for agents that are away: ${names.join(", ")}${more}`);
  remark(
    `Ctrl-C leaves the job waiting, twice withdraws it; see it with: wsctl jobs show ${accepted.job.job_id}`,
  );
}

function orderOf(options: SendOptions): JobOrderInput {
  const order: JobOrderInput = {
    command: options.command,
    target: targetOf(options),
    timeout_seconds: parseSeconds("timeout", options.timeout),
    ttl_seconds: parseSeconds("ttl", options.ttl),
  };
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
  return { agents: options.agent.split(",").map((id) => id.trim()) };
}

function parametersOf(options: SendOptions): JsonObject | undefined {
  const { params, param } = options;
  if (params === undefined) return param.length === 0 ? undefined : parseParams(param);
  if (param.length > 0) throw usage("Flags --param and --params exclude each other: give one kind");
  if (params === "-") return parseObject("standard input", readStdin());
  if (!params.startsWith("@")) return parseObject("its value", params);
  return parseObject(`file "${params.slice(1)}"`, readFile("params", params.slice(1)));
}
