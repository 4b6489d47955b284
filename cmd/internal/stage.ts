import { defineCommand } from "citty";
import * as v from "valibot";
import { controlPlaneOf } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { StageOrder, stage } from "../../lib/agent/update/stageRelease.ts";
import { issueText } from "../../lib/protocol/schemaError.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitFailed, exitOk, untilSignal } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { leaveResult, print, readStdin } from "../output/stdio.ts";

/** For the agent alone: fetches and checks a version, with its order on standard input. */
export default defineCommand({
  meta: { name: "stage", hidden: true, description: "Fetch another version for the agent" },
  args: commonArgs,
  run: () => stageRun(),
});

/** How far it is, and on the last line what it came to. */
export async function stageRun(): Promise<number> {
  const order = orderIn(readStdin());
  const signal = untilSignal(() => process.exit(exitFailed));
  const runtime = await loadRuntime();
  const controlPlane = controlPlaneOf(order.way, runtime.fetchWith);
  const staged = await stage(order, { controlPlane, tell: print, signal, now: Date.now() });
  leaveResult(staged);
  return exitOk;
}

function orderIn(text: string): StageOrder {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage("Standard input is not JSON: expected the order of an agent");
  }
  const parsed = v.safeParse(StageOrder, value);
  if (parsed.success) return parsed.output;
  throw usage(`The order: ${issueText(parsed.issues[0])}`);
}
