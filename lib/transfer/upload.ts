/**
 * Uploads a file as an artifact: orders it, sends it to where the answer says, has it completed.
 * What breaks is begun again by the same order, which gives the same artifact with a fresh URL; an
 * upload to the control plane itself then goes on where it stood.
 */

import { digestFile, type FileDigest } from "../files/fileDigest.ts";
import type { ArtifactRequest, ArtifactView, NewArtifact } from "../protocol/api/artifacts.ts";
import { WsctlError } from "../protocol/errors.ts";
import { ask, type ControlPlane, toAbsoluteUrl } from "./apiCall.ts";
import { uploadResumable } from "./resumableUpload.ts";
import { type RetryProgress, withRetry } from "./retry.ts";
import { uploadSinglePut } from "./singlePutUpload.ts";

export interface UploadOptions {
  controlPlane: ControlPlane;
  path: string;
  /** What the file cannot say itself. An agent names the request whose result it is. */
  request: Pick<ArtifactRequest, "name" | "request_id" | "kind">;
  /** So many bytes have been sent of how many; goes back when a part has to be sent again. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
  /** Given up when nothing has moved for so long; by default five minutes. */
  patienceMs?: number;
}

/** How often a whole upload is tried that arrives as something else. */
const singlePutBytesMax = 3;

/**
 * The artifact, once it is ready. Throws a `WsctlError`: the control plane's own refusal,
 * `UNREACHABLE` when patience is over, `CONFLICT` when the file changed meanwhile.
 */
export async function uploadFile(options: UploadOptions): Promise<ArtifactView> {
  const { path, signal } = options;
  const sum = await digestFile(path, signal);
  for (let count = 1; ; count++) {
    try {
      return await withRetry(options, (progress) => uploadOnce(options, sum, progress));
    } catch (error) {
      const isOther = error instanceof WsctlError && error.code === "CHECKSUM_MISMATCH";
      if (!isOther || count === singlePutBytesMax) throw error;
      await assertUnchanged(path, sum, signal);
    }
  }
}

async function uploadOnce(
  options: UploadOptions,
  sum: FileDigest,
  progress: RetryProgress,
): Promise<ArtifactView> {
  const { controlPlane, path, signal } = options;
  const order: ArtifactRequest = { ...options.request, ...sum };
  const ordered = await ask(controlPlane, "POST", "/api/v1/artifacts", order, signal);
  const { upload, ...artifact } = ordered.body as NewArtifact;
  const reportProgress = (tick: () => void) => (doneBytes: number) => {
    tick();
    options.onProgress?.(doneBytes, sum.bytes);
  };
  if (upload !== undefined) {
    const url = toAbsoluteUrl(upload.url, controlPlane.url);
    const told = { sent: reportProgress(progress.moved), kept: reportProgress(progress.kept) };
    const attempt = { path, sum, url, upload, controlPlane, signal, ...told };
    await (upload.resumable ? uploadResumable(attempt) : uploadSinglePut(attempt));
  }
  options.onProgress?.(sum.bytes, sum.bytes);
  return upload === undefined ? artifact : complete(options, artifact.artifact_id, progress.kept);
}

/** 202: it is long, and is still being compared. The answer took its time already. */
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
  throw new WsctlError("CONFLICT", `"${path}" was changed while it was uploaded: upload it again`);
}
