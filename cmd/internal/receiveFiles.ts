import { defineCommand } from "citty";
import { ReceiveRequest, receiveFiles } from "../../lib/agent/files/receiveFiles.ts";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitOk, waitForSignal } from "../cli/exit.ts";
import { leaveResult, print } from "../output/stdio.ts";
import { readRequest } from "./readRequest.ts";

/** For the agent only: the program of `push_files`, with its request on standard input. */
export default defineCommand({
  meta: { name: "receive-files", hidden: true, description: "Write pushed files for the agent" },
  args: commonArgs,
  run: () => receiveRun(),
});

/** Files that are listed; the result has the counts of all. */
const shownMax = 100;

/** Prints each file that changes, and leaves the counts as the result. */
async function receiveRun(): Promise<number> {
  const request = readRequest(ReceiveRequest);
  // A second signal is ignored, because a service that stops may send two.
  const signal = waitForSignal(() => {});
  const runtime = await loadRuntime();
  const controlPlane = toControlPlane(request.access, runtime.fetchWith);
  let count = 0;
  const onFile = (line: string) => {
    if (++count <= shownMax) print(line);
  };
  const received = await receiveFiles(request, { controlPlane, onFile, signal });
  if (count > shownMax) print(`and ${count - shownMax} more files`);
  if (count === 0) print("unchanged");
  leaveResult(received);
  return exitOk;
}
