/** Uploads a local file that agents fetch for a job, with its progress at a terminal. */
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { uploadFile } from "../../lib/transfer/upload.ts";
import { exitFailed, waitForSignal } from "../cli/exit.ts";
import { terminalProgress } from "../output/transferProgress.ts";

/**
 * Uploads a file.
 * @param name The name of the artifact.
 * @returns its id, its size in bytes and its SHA-256, as parameters name them
 */
export async function uploadSource(controlPlane: ControlPlane, path: string, name: string) {
  const signal = waitForSignal(() => process.exit(exitFailed));
  const transfer = terminalProgress().add(name, 0);
  try {
    const { artifact_id, bytes, sha256 } = await uploadFile({
      ...{ controlPlane, path, signal, request: { name, kind: "file" } },
      onProgress: transfer.update,
    });
    return { artifact_id, bytes, sha256 };
  } finally {
    transfer.end();
  }
}
