import { defineCommand } from "citty";
import * as v from "valibot";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { StageRequest, stageRelease } from "../../lib/agent/update/stageRelease.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { leaveResult, print, readStdin } from "../output/stdio.ts";

/** For the agent only: downloads and verifies a version, with its request on standard input. */
export default defineCommand({
  meta: { name: "stage", hidden: true, description: "Fetch another version for the agent" },
  args: commonArgs,
  run: () => stageRun(),
});

/** Prints the progress, and the result on the last line. */
async function stageRun(): Promise<number> {
  const order = readStageRequest(readStdin());
  const signal = waitForSignal(() => process.exit(exitFailed));
  const runtime = await loadRuntime();
  const controlPlane = toControlPlane(order.way, runtime.fetchWith);
  const staged = await stageRelease(order, {
    controlPlane,
    onProgress: print,
    signal,
    now: Date.now(),
  });
  leaveResult(staged);
  return exitOk;
}

function readStageRequest(text: string): StageRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage("Standard input is not JSON: expected a request of an agent");
  }
  const parsed = v.safeParse(StageRequest, value);
  if (parsed.success) return parsed.output;
  throw usage(`Invalid request: ${formatIssue(parsed.issues[0])}`);
}
