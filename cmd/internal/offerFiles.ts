import { defineCommand } from "citty";
import { OfferRequest, offerFiles } from "../../lib/agent/files/offerFiles.ts";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitOk, waitForSignal } from "../cli/exit.ts";
import { leaveResult } from "../output/stdio.ts";
import { readRequest } from "./readRequest.ts";

/** For the agent only: the program of `pull_files`, with its request on standard input. */
export default defineCommand({
  meta: { name: "offer-files", hidden: true, description: "Read files for the agent" },
  args: commonArgs,
  run: () => offerRun(),
});

/** Leaves the artifact as the result. */
async function offerRun(): Promise<number> {
  const request = readRequest(OfferRequest);
  const signal = waitForSignal(() => {});
  const runtime = await loadRuntime();
  leaveResult(await offerFiles(request, toControlPlane(request.access, runtime.fetchWith), signal));
  return exitOk;
}
