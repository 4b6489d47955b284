import { writeFileSync } from "node:fs";
import { type ArgsDef, defineCommand } from "citty";
import { Client } from "../lib/client/client.ts";
import type { JobRequestInput } from "../lib/protocol/api/jobs.ts";
import type { ControlPlane } from "../lib/transfer/apiCall.ts";
import type { HelpRequest } from "./cli/commandTree.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { accessFlags, agentIds, parsePartialArgs } from "./cli/partialArgs.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { createClient, findControlPlane } from "./flags/connection.ts";
import { type JobFlags, jobArgs, parseJobFlags } from "./flags/job.ts";
import { type ConfirmFlags, confirmArgs, printTarget } from "./flags/target.ts";
import { type FollowFlags, followArgs } from "./jobs/followJob.ts";
import { submitJob, toTargetQuery, waitArg } from "./jobs/submitJob.ts";
import { print, remark } from "./output/stdio.ts";

const sendArgs = {
  command: {
    type: "positional",
    required: true,
    valueHint: "COMMAND",
    description: "command to run, such as ping or restart",
  },
  ...clientArgs,
  ...jobArgs,
  ...confirmArgs,
  "dry-run": { type: "boolean", description: "print the selected agents without sending" },
  sign: {
    type: "string",
    valueHint: "KEY",
    description: "sign with a key: its name, its path, or ssh-agent:COMMENT (repeatable)",
  },
  "passphrase-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the passphrase of the keys, or - for standard input",
  },
  save: {
    type: "string",
    valueHint: "FILE",
    description: "write the signed job to this file instead of sending it",
  },
  ...followArgs,
  wait: waitArg,
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "send",
    description: "Send a command and print the outcome of each agent",
    examples: [
      "wsctl send ping --all",
      "wsctl send restart --agent web-1,web-2 --param delay_seconds=5",
      "wsctl send info --agent web-1 --ttl 1d --no-wait",
      "wsctl send deploy --all --param version=v7 --output deploy-v7",
      "wsctl send update --all --canary 1 --batch 10% --max-failures 2%",
      'wsctl send restart --target "env=prod,role in (web,api)" --batch 5 --batch-pause 30s',
    ],
    help: helpOn,
  },
  args: sendArgs,
  run: ({ args, data }) => {
    const { param = [], sign = [] } = (data as CommandData).lists;
    return sendRun({ ...args, param, sign });
  },
});

export interface SendOptions extends ClientFlags, FollowFlags, JobFlags, ConfirmFlags {
  "dry-run"?: boolean | undefined;
  sign: string[];
  "passphrase-file"?: string | undefined;
  save?: string | undefined;
  wait: boolean;
}

/** Sends a job and prints each outcome when it arrives. The outcomes determine the exit status. */
async function sendRun(options: SendOptions): Promise<number> {
  const plain = parseJobFlags(options);
  if (options.save !== undefined && options.sign.length === 0) {
    throw usage("Flag --save needs --sign KEY");
  }
  const controlPlane = await findControlPlane(options);
  if (options["dry-run"]) {
    printTarget(
      await new Client(controlPlane).targets(toTargetQuery(plain)),
      options.json ?? false,
    );
    return exitOk;
  }
  const order = options.sign.length > 0 ? await signJob(plain, controlPlane, options) : plain;
  if (options.save === undefined) return submitJob(order, controlPlane, options);
  writeFileSync(options.save, `${JSON.stringify(order, null, 2)}\n`, { mode: 0o600 });
  print(options.save);
  remark(
    `Add a signature with "wsctl keys sign ${options.save} --key KEY"; send it with "wsctl jobs create"`,
  );
  return exitOk;
}

async function signJob(order: JobRequestInput, controlPlane: ControlPlane, options: SendOptions) {
  const { loadSigners } = await import("./signing/keyFiles.ts");
  const { signJobRequest } = await import("./signing/signJob.ts");
  const signers = await loadSigners(options.sign, options["passphrase-file"]);
  return signJobRequest(order, signers, new Client(controlPlane));
}

/**
 * Returns help on a command that an agent announced. Without an agent there is only help on the
 * flags.
 */
async function helpOn({ words, sources }: HelpRequest): Promise<string | undefined> {
  const typed = parsePartialArgs(words, sendArgs);
  const [command] = typed.positionals;
  if (command === undefined) return undefined;
  const { agent, ...access } = accessFlags(typed, await sources());
  const ids = agentIds(agent);
  const { commandHelp } = await import("./cli/commandHelp.ts");
  if (ids.length > 0) return commandHelp(await createClient(access), ids, command);
  remark("Add --agent ID to see the parameters of this command");
  return undefined;
}
