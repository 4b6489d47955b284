/**
 * Downloads an artifact to this host: resumes, verifies it against its announced hash, and shows
 * progress.
 */
import type { Client } from "../../lib/client/client.ts";
import type { ArtifactDetail } from "../../lib/protocol/api/artifacts.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { downloadFile } from "../../lib/transfer/download.ts";
import type { Progress } from "../output/transferProgress.ts";

export interface FetchOptions {
  client: Client;
  controlPlane: ControlPlane;
  artifact: ArtifactDetail;
  path: string;
  /** The name in the progress bar. */
  name: string;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * Downloads an artifact. After an error, the received part stays as `PATH.part`, unless it was
 * wrong.
 * @throws {WsctlError} The reason of the failure.
 */
export async function fetchArtifact(options: FetchOptions): Promise<void> {
  const { client, controlPlane, artifact, path, name, progress, signal } = options;
  const { artifact_id, bytes, sha256 } = artifact;
  const transfer = progress.add(name, bytes);
  try {
    await downloadFile({
      ...{ controlPlane, path, bytes, sha256, signal },
      url: buildDownloadUrl(artifact),
      freshUrl: async () => buildDownloadUrl(await client.artifact(artifact_id)),
      onProgress: transfer.update,
    });
  } finally {
    transfer.end();
  }
}

function buildDownloadUrl({ artifact_id, download }: ArtifactDetail): string {
  if (download !== undefined) return download.url;
  throw new WsctlError(
    "CONFLICT",
    `Artifact ${artifact_id} is still being uploaded: try again later`,
  );
}
