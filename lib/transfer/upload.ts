/**
 * Uploads a file as an artifact: creates it, sends the content to the URL in the response, and
 * completes it. An interrupted upload repeats the same request, which returns the same artifact
 * with a new URL; an upload to the control plane is then resumed.
 */

import { digestFile, type FileDigest } from "../files/fileDigest.ts";
import type { ArtifactRequest, ArtifactView, NewArtifact } from "../protocol/api/artifacts.ts";
import { WsctlError } from "../protocol/errors.ts";
import { artifactPartBytes } from "../protocol/limits.ts";
import { ask, type ControlPlane, toAbsoluteUrl } from "./apiCall.ts";
import { uploadResumable } from "./resumableUpload.ts";
import { type RetryProgress, withRetry } from "./retry.ts";
import { uploadSinglePut } from "./singlePutUpload.ts";
import type { UploadAttempt } from "./uploadAttempt.ts";

export interface UploadOptions {
  controlPlane: ControlPlane;
  path: string;
  /**
   * The properties of the artifact that are not in the file. An agent names the request that
   * created the result.
   */
  request: Pick<ArtifactRequest, "name" | "request_id" | "kind">;
  /** Reports the number of bytes sent; it decreases if a part must be sent again. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
  /** The upload fails if nothing was transferred for this long (default: five minutes). */
  patienceMs?: number;
}

/** The maximum number of attempts if the stored content differs. */
const singlePutBytesMax = 3;

/**
 * Returns the artifact once it is ready.
 *
 * @throws {WsctlError} the code of the response, UNREACHABLE after the timeout, or CONFLICT if the
 *   file changed during the upload
 */
export async function uploadFile(options: UploadOptions): Promise<ArtifactView> {
  const { path, signal } = options;
  const sum = await digestFile(path, signal);
  const part = { bytes: artifactPartBytes };
  for (let count = 1; ; count++) {
    try {
      return await withRetry(options, (progress) => uploadOnce(options, { sum, part }, progress));
    } catch (error) {
      const isOther = error instanceof WsctlError && error.code === "CHECKSUM_MISMATCH";
      if (!isOther || count === singlePutBytesMax) throw error;
      await assertUnchanged(path, sum, signal);
    }
  }
}

async function uploadOnce(
  options: UploadOptions,
  { sum, part }: Pick<UploadAttempt, "sum" | "part">,
  progress: RetryProgress,
): Promise<ArtifactView> {
  const { controlPlane, path, signal } = options;
  const request: ArtifactRequest = { ...options.request, ...sum };
  const ordered = await ask(controlPlane, "POST", "/api/v1/artifacts", request, signal);
  const { upload, ...artifact } = ordered.body as NewArtifact;
  const reportProgress = (tick: () => void) => (doneBytes: number) => {
    tick();
    options.onProgress?.(doneBytes, sum.bytes);
  };
  if (upload !== undefined) {
    const url = toAbsoluteUrl(upload.url, controlPlane.url);
    const told = { sent: reportProgress(progress.moved), kept: reportProgress(progress.kept) };
    const attempt = { path, sum, part, url, upload, controlPlane, signal, ...told };
    await (upload.resumable ? uploadResumable(attempt) : uploadSinglePut(attempt));
  }
  options.onProgress?.(sum.bytes, sum.bytes);
  return upload === undefined ? artifact : complete(options, artifact.artifact_id, progress.kept);
}

/** 202: a large artifact is still being verified. The response itself has waited already. */
async function complete(
  { controlPlane, signal }: UploadOptions,
  artifactId: string,
  moved: () => void,
): Promise<ArtifactView> {
  const path = `/api/v1/artifacts/${encodeURIComponent(artifactId)}/complete`;
  for (;;) {
    const { status, body } = await ask(controlPlane, "POST", path, undefined, signal);
    if (status !== 202) return body as ArtifactView;
    moved();
  }
}

async function assertUnchanged(path: string, sum: FileDigest, signal?: AbortSignal): Promise<void> {
  const now = await digestFile(path, signal);
  if (now.sha256 === sum.sha256) return;
  throw new WsctlError(
    "CONFLICT",
    `Cannot upload "${path}": it changed during the upload. Upload it again`,
  );
}
