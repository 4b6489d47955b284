import { defineCommand } from "citty";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { StageRequest, stageRelease } from "../../lib/agent/update/stageRelease.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "../cli/exit.ts";
import { leaveResult, print } from "../output/stdio.ts";
import { readRequest } from "./readRequest.ts";

/** For the agent only: downloads and verifies a version, with its request on standard input. */
export default defineCommand({
  meta: { name: "stage", hidden: true, description: "Fetch another version for the agent" },
  args: commonArgs,
  run: () => stageRun(),
});

/** Prints the progress, and the result on the last line. */
async function stageRun(): Promise<number> {
  const request = readRequest(StageRequest);
  const signal = waitForSignal(() => process.exit(exitFailed));
  const runtime = await loadRuntime();
  const controlPlane = toControlPlane(request.access, runtime.fetchWith);
  const staged = await stageRelease(request, {
    controlPlane,
    onProgress: print,
    signal,
    now: Date.now(),
  });
  leaveResult(staged);
  return exitOk;
}
