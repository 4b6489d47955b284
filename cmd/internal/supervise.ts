import { defineCommand } from "citty";
import { superviseRun } from "../../lib/agent/supervisor/supervisor.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";

/** For the agent only: the process between the agent and a program. */
export default defineCommand({
  meta: { name: "supervise", hidden: true, description: "Run one program for the agent" },
  args: {
    dir: { type: "positional", required: true, description: "the run's directory" },
    ...commonArgs,
  },
  run: ({ args }) => supervisorRun(args.dir),
});

async function supervisorRun(dir: string): Promise<number> {
  await superviseRun(dir, await loadRuntime());
  return exitOk;
}
