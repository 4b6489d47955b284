/** Fetches an artifact that the parameters of a request name. */
import type { ArtifactDetail } from "../../protocol/api/artifacts.ts";
import type { ArtifactParameter } from "../../protocol/commands/files.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { ask, type ControlPlane } from "../../transfer/apiCall.ts";
import { downloadFile } from "../../transfer/download.ts";

export interface FetchOptions {
  /** The request whose parameters have the id of the artifact. */
  requestId: string;
  /** The path of the new file. */
  path: string;
  controlPlane: ControlPlane;
  signal: AbortSignal;
}

/**
 * Fetches the content and verifies its length and digest.
 * @throws {WsctlError} CONFLICT if it is still being uploaded, CHECKSUM_MISMATCH, or the reason why
 *   it cannot be fetched
 */
export async function fetchArtifact(
  { artifact_id, bytes, sha256 }: Omit<ArtifactParameter, "name">,
  { requestId, path, controlPlane, signal }: FetchOptions,
): Promise<void> {
  const query = `?request_id=${encodeURIComponent(requestId)}`;
  const at = `/api/v1/artifacts/${encodeURIComponent(artifact_id)}${query}`;
  const url = async () => {
    const { body } = await ask(controlPlane, "GET", at, undefined, signal);
    const { download } = body as ArtifactDetail;
    if (download !== undefined) return download.url;
    throw new WsctlError("CONFLICT", `Artifact ${artifact_id} is still being uploaded`);
  };
  const content = { url: await url(), freshUrl: url, bytes, sha256 };
  await downloadFile({ ...content, controlPlane, path, signal });
}
