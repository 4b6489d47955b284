import { type ArgsDef, defineCommand } from "citty";
import { clientArgs } from "../cli/commonFlags.ts";
import { type CommandData, usage } from "../cli/strictArgs.ts";
import { buildJobRequest, type RunFlags, runArgs } from "../flags/job.ts";
import { confirmArgs, targetArgs } from "../flags/target.ts";
import { type SendOptions, sendFlags, sendJob } from "../jobs/sendJob.ts";

const moveArgs = {
  ...clientArgs,
  ...targetArgs,
  to: {
    type: "string",
    required: true,
    valueHint: "URL",
    description: "address that the control plane moves to, such as https://new.example:7420",
  },
  ...runArgs,
  ...confirmArgs,
  ...sendFlags,
} as const satisfies ArgsDef;

export const move = defineCommand({
  meta: {
    name: "move",
    description: "Tell agents an address that they use when they no longer reach this one",
    examples: [
      "wsctl agents move --to https://new.example:7420 --all --ttl 7d --no-wait",
      "wsctl agents move --to https://new.example:7420 --agent web-1",
    ],
  },
  args: moveArgs,
  run: ({ args, data }) => moveRun({ ...args, sign: (data as CommandData).lists.sign ?? [] }),
});

/** The outcome of each agent says whether it stored the address, and whether it answers. */
function moveRun(flags: RunFlags & SendOptions & { to: string }): Promise<number> {
  const url = URL.parse(flags.to);
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw usage(`Flag --to is "${flags.to}": expected https://HOST[:PORT]`);
  }
  return sendJob(
    buildJobRequest("move_agent", flags, () => ({ server: url.origin })),
    flags,
  );
}
