import { type ArgsDef, defineCommand } from "citty";
import type { HelpRequest } from "./cli/commandTree.ts";
import { clientArgs } from "./cli/commonFlags.ts";
import { accessFlags, agentIds, parsePartialArgs } from "./cli/partialArgs.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { createClient, findControlPlane } from "./flags/controlPlane.ts";
import { type JobFlags, jobArgs, parseJobFlags } from "./flags/job.ts";
import { confirmArgs } from "./flags/target.ts";
import { type SendOptions, sendFlags, sendJob } from "./jobs/sendJob.ts";
import { remark } from "./output/stdio.ts";
import { fileArgs, parseFiles, uploadFiles } from "./transfer/parameterFiles.ts";

const sendArgs = {
  command: {
    type: "positional",
    required: true,
    valueHint: "COMMAND",
    description: "command to run, such as ping or restart",
  },
  ...clientArgs,
  ...jobArgs,
  ...fileArgs,
  ...confirmArgs,
  ...sendFlags,
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
      "wsctl send install --target @web --file package=app-1.4.deb",
      "wsctl send update --all --canary 1 --batch 10% --max-failures 2%",
      'wsctl send restart --target "env=prod,role in (web,api)" --batch 5 --batch-pause 30s',
    ],
    help: helpOn,
  },
  args: sendArgs,
  run: ({ args, data }) => {
    const { param = [], sign = [], file = [] } = (data as CommandData).lists;
    return sendRun({ ...args, param, sign }, file);
  },
});

async function sendRun(flags: JobFlags & SendOptions, pairs: readonly string[]): Promise<number> {
  const jobRequest = parseJobFlags(flags);
  const files = parseFiles(pairs, jobRequest.parameters);
  if (files.length > 0 && !flags["dry-run"]) {
    const uploaded = await uploadFiles(files, await findControlPlane(flags));
    jobRequest.parameters = { ...jobRequest.parameters, ...uploaded };
  }
  return sendJob(jobRequest, flags);
}

/**
 * Returns help on a command that an agent announced. Without an agent there is only help on the
 * flags.
 */
async function helpOn({ words, sources }: HelpRequest): Promise<string | undefined> {
  const typed = parsePartialArgs(words, sendArgs);
  const [command, surplus] = typed.positionals;
  if (command === undefined) return undefined;
  // For example "send exec df -h --all", whose -h is not meant for wsctl.
  if (surplus !== undefined) {
    const text = `Unexpected argument "${surplus}": this command takes COMMAND`;
    throw usage(`${text}. To run a program, use: wsctl exec --all -- PROGRAM`);
  }
  const { agent, ...access } = accessFlags(typed, await sources());
  const ids = agentIds(agent);
  const { commandHelp } = await import("./cli/commandHelp.ts");
  if (ids.length > 0) return commandHelp(await createClient(access), ids, command);
  remark("Add --agent ID to see the parameters of this command");
  return undefined;
}
