import { type ArgsDef, defineCommand } from "citty";
import { argsBeforeDoubleDash, type HelpRequest } from "./cli/commandTree.ts";
import { clientArgs } from "./cli/commonFlags.ts";
import { parsePartialArgs } from "./cli/partialArgs.ts";
import { type CommandData, misplacedWord } from "./cli/strictArgs.ts";
import { buildJobRequest, runArgs } from "./flags/job.ts";
import { confirmArgs, targetArgs } from "./flags/target.ts";
import { buildExecParameters } from "./jobs/execParameters.ts";
import { inputArgs } from "./jobs/inputFlags.ts";
import { sendFlags, sendJob } from "./jobs/sendJob.ts";

const execArgs = {
  program: {
    type: "positional",
    required: true,
    valueHint: "-- PROGRAM [ARGUMENT…]",
    description: "program and its arguments, after --; no shell interprets them",
  },
  ...clientArgs,
  ...targetArgs,
  ...inputArgs,
  ...runArgs,
  ...confirmArgs,
  ...sendFlags,
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "exec",
    description: "Run a program on agents that allow it and print the outcome of each agent",
    examples: [
      "wsctl exec --all -- df -h",
      "wsctl exec --agent web-1 -- systemctl status nginx",
      "wsctl exec --target env=prod --batch 5 -- /usr/local/bin/check --quick",
      "wsctl exec --agent web-1 --stdin @rules.txt -- nft -f -",
    ],
    help: refuseWords,
  },
  args: execArgs,
  run: ({ args, data }) => {
    const { program = [], sign = [] } = (data as CommandData).lists;
    const readParameters = () => buildExecParameters(program, args);
    return sendJob(buildJobRequest("exec", args, readParameters), { ...args, sign });
  },
});

/**
 * Refuses help on a command line such as `exec df -h`, which is meant to run a program.
 * @throws {WsctlError} USAGE with the first such word.
 */
async function refuseWords({ words }: HelpRequest): Promise<undefined> {
  const [word] = parsePartialArgs(argsBeforeDoubleDash(words), execArgs).positionals;
  if (word !== undefined) throw misplacedWord(word);
}
