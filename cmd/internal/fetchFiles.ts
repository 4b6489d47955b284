import { defineCommand } from "citty";
import { FetchRequest, fetchParameterFiles } from "../../lib/agent/files/fetchParameterFiles.ts";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitOk, waitForSignal } from "../cli/exit.ts";
import { readRequest } from "./readRequest.ts";

/** For the supervisor only: fetches files for a program, with its request on standard input. */
export default defineCommand({
  meta: { name: "fetch-files", hidden: true, description: "Fetch files for a program" },
  args: commonArgs,
  run: () => fetchRun(),
});

async function fetchRun(): Promise<number> {
  const request = readRequest(FetchRequest);
  const signal = waitForSignal(() => {});
  const runtime = await loadRuntime();
  await fetchParameterFiles(request, toControlPlane(request.access, runtime.fetchWith), signal);
  return exitOk;
}
