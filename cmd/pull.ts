import { type ArgsDef, defineCommand } from "citty";
import { clientArgs } from "./cli/commonFlags.ts";
import type { CommandData } from "./cli/strictArgs.ts";
import { buildJobRequest, runArgs } from "./flags/job.ts";
import { confirmArgs, targetArgs } from "./flags/target.ts";
import { sendFlags, sendJob } from "./jobs/sendJob.ts";

const { output: _output, ...pullFlags } = sendFlags;

const pullArgs = {
  path: {
    type: "positional",
    required: true,
    valueHint: "PATH",
    description: "absolute path of a file or a directory on the hosts",
  },
  ...clientArgs,
  ...targetArgs,
  to: {
    type: "string",
    required: true,
    valueHint: "DIR",
    description: "local directory, which gets one directory for each agent",
  },
  ...runArgs,
  ...confirmArgs,
  ...pullFlags,
} as const satisfies ArgsDef;

export default defineCommand({
  meta: {
    name: "pull",
    description: "Fetch a file or a directory from agents that allow the path",
    examples: [
      "wsctl pull /etc/nginx/nginx.conf --target @web --to configs",
      "wsctl pull /var/log/app --agent web-1 --to logs",
    ],
  },
  args: pullArgs,
  run: ({ args, data }) => {
    const { sign = [] } = (data as CommandData).lists;
    const request = buildJobRequest("pull_files", args, () => ({ path: args.path }));
    return sendJob(request, { ...args, sign, pullTo: args.to });
  },
});
