import { defineCommand } from "citty";
import { StoreRequest, storeArtifacts } from "../../lib/agent/files/storeArtifacts.ts";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitOk, waitForSignal } from "../cli/exit.ts";
import { printJson } from "../output/stdio.ts";
import { readRequest } from "./readRequest.ts";

/** For the supervisor only: stores what a program left, with its request on standard input. */
export default defineCommand({
  meta: { name: "store-artifacts", hidden: true, description: "Store files of a program" },
  args: commonArgs,
  run: () => storeRun(),
});

async function storeRun(): Promise<number> {
  const request = readRequest(StoreRequest);
  const signal = waitForSignal(() => {});
  const runtime = await loadRuntime();
  printJson(
    await storeArtifacts(request, toControlPlane(request.access, runtime.fetchWith), signal),
  );
  return exitOk;
}
