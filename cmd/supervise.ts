import { defineCommand } from "citty";
import { supervise } from "../lib/agent/programs/supervisor.ts";
import { exitOk } from "./_exit.ts";
import { commonArgs } from "./_flags.ts";

/** For the agent alone: the process that stands between it and a program. */
export default defineCommand({
  meta: { name: "supervise", hidden: true, description: "Run one program for the agent" },
  args: {
    dir: { type: "positional", required: true, description: "the run's directory" },
    ...commonArgs,
  },
  run: ({ args }) => superviseRun(args.dir),
});

export async function superviseRun(dir: string): Promise<number> {
  await supervise(dir);
  return exitOk;
}
