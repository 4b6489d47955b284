import { type ArgsDef, defineCommand } from "citty";
import { clientArgs } from "./cli/commonFlags.ts";
import type { CommandData } from "./cli/strictArgs.ts";
import { buildJobRequest, runArgs } from "./flags/job.ts";
import { confirmArgs, targetArgs } from "./flags/target.ts";
import { inputArgs } from "./jobs/inputFlags.ts";
import { buildScriptParameters } from "./jobs/scriptParameters.ts";
import { sendFlags, sendJob } from "./jobs/sendJob.ts";

const scriptArgs = {
  script: {
    type: "positional",
    required: true,
    valueHint: "FILE|-",
    description: "script with a #! line, or - for standard input",
  },
  arguments: {
    type: "positional",
    required: false,
    valueHint: "-- ARGUMENT…",
    description: "arguments of the script, after --",
  },
  ...clientArgs,
  ...targetArgs,
  env: {
    type: "string",
    valueHint: "NAME=VALUE",
    description: "environment variable of the script (repeatable); it is stored with the job",
  },
  ...inputArgs,
  ...runArgs,
  ...confirmArgs,
  ...sendFlags,
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "run",
    description: "Run a local script on agents that allow it and print the outcome of each agent",
    examples: [
      "wsctl run check.sh --all",
      "wsctl run rotate.py --agent web-1 -- --dry-run /var/log",
      "wsctl run fix.sh --target env=prod --canary 1 --batch 10% --env MODE=safe",
      "wsctl run import.sh --agent db-1 --stdin @rows.csv --timeout 10m",
    ],
  },
  args: scriptArgs,
  run: ({ args, data }) => {
    const { arguments: words = [], env = [], sign = [] } = (data as CommandData).lists;
    const readParameters = () => buildScriptParameters(args.script, words, { ...args, env });
    return sendJob(buildJobRequest("run_script", args, readParameters), { ...args, sign });
  },
});
