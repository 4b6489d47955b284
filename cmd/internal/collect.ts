import { defineCommand } from "citty";
import { toControlPlane } from "../../lib/agent/identity/controlPlaneAccess.ts";
import { collect } from "../../lib/agent/logs/collector.ts";
import { CollectRequest, type Upload } from "../../lib/agent/logs/collectRequest.ts";
import { checkFetchParameters } from "../../lib/agent/logs/parameters.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { uploadFile } from "../../lib/transfer/upload.ts";
import { commonArgs } from "../cli/commonFlags.ts";
import { exitOk, waitForSignal } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { leaveResult, print, printBytes, remark } from "../output/stdio.ts";
import { readRequest } from "./readRequest.ts";

/** For the agent only: the program of `fetch_logs`, with its request on standard input. */
export default defineCommand({
  meta: { name: "collect", hidden: true, description: "Collect lines of a log for the agent" },
  args: commonArgs,
  run: () => collectRun(),
});

/** Prints the lines, if they are few, and the result on the last line. */
async function collectRun(): Promise<number> {
  const request = readCollectRequest();
  // A second signal is ignored, because a service that stops may send two.
  const signal = waitForSignal(() => {});
  let isMidLine = false;
  const out = {
    remark,
    write: (bytes: Uint8Array) => {
      isMidLine = bytes.at(-1) !== 10;
      printBytes(bytes);
    },
  };
  const store =
    request.upload === undefined ? {} : { store: await storeBy(request.upload, signal) };
  const collected = await collect(request, out, { signal, ...store });
  // Without a result file, the result is on its own line; for an agent, the output must have no
  // extra bytes.
  if (isMidLine && process.env.WSCTL_RESULT_FILE === undefined) print("");
  leaveResult(collected);
  return exitOk;
}

/** Stores a large result as an artifact of its request. */
async function storeBy(upload: Upload, signal: AbortSignal) {
  const runtime = await loadRuntime();
  const controlPlane = toControlPlane(upload.access, runtime.fetchWith);
  const { request_id, name } = upload;
  return async (path: string) => {
    const request = { name, request_id, kind: "result" } as const;
    const { artifact_id, bytes, sha256 } = await uploadFile({
      controlPlane,
      path,
      request: request,
      signal,
    });
    return { artifact_id, name, bytes, sha256 };
  };
}

function readCollectRequest(): CollectRequest {
  const request = readRequest(CollectRequest);
  const fault = checkFetchParameters(request.source, request.parameters, Date.now());
  if (fault !== undefined) throw usage(`Invalid request: ${fault}`);
  return request;
}
