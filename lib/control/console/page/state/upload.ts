/** Uploads a file of this computer as an artifact, in parts that are resumed after an interruption. */
import {
  type ArtifactView,
  type NewArtifact,
  type UploadView,
  uploadOffsetHeader,
} from "../../../../protocol/api/artifacts.ts";
import type { ArtifactParameter } from "../../../../protocol/commands/files.ts";
import { artifactSmallPartBytes } from "../../../../protocol/limits.ts";
import { query, Refused, Unreachable } from "./api.ts";
import { bytes } from "./format.ts";

/** The browser computes the digest of a whole file in memory. */
export const fileBytesMax = 256_000_000;

/** Small enough that the progress moves. */
const largePartBytes = 4 * 1024 * 1024;
const retryMs = 1_000;
const verifyMs = 500;
/** A connection that stays away for this many attempts in a row ends the upload. */
const failuresMax = 30;

export type Progress = (what: "reading" | "uploading", done: number, total: number) => void;

/**
 * Returns the parameter that names the file.
 *
 * @throws {Error} what the user must do, or that it was aborted
 */
export async function uploadFile(
  file: File,
  signal: AbortSignal,
  onProgress: Progress,
): Promise<ArtifactParameter> {
  const advice = "Use the command line: wsctl send --file NAME=PATH";
  if (file.size > fileBytesMax) {
    const limit = bytes(fileBytesMax);
    throw new Error(`Cannot upload: it has ${bytes(file.size)}, more than ${limit}. ${advice}`);
  }
  // Browsers compute digests only for pages with TLS or of this host.
  if (crypto.subtle === undefined) {
    throw new Error(`Cannot upload: this page has no TLS. ${advice}`);
  }
  onProgress("reading", 0, file.size);
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  signal.throwIfAborted();
  const sha256 = Array.from(new Uint8Array(digest), (each) => {
    return each.toString(16).padStart(2, "0");
  }).join("");
  const request = { name: file.name, bytes: file.size, sha256, kind: "file" };
  const made = await query<NewArtifact>("api/v1/artifacts", request, signal);
  const { artifact_id } = made;
  if (made.upload !== undefined) {
    await send(file, made.upload, signal, onProgress);
    await complete(artifact_id, signal);
  }
  return { artifact_id, name: file.name, bytes: file.size, sha256 };
}

async function send(
  file: File,
  upload: UploadView,
  signal: AbortSignal,
  onProgress: Progress,
): Promise<void> {
  const url = addressOf(upload);
  const { headers } = upload;
  let partBytes = largePartBytes;
  let failures = 0;
  for (let offset: number | undefined; ; ) {
    try {
      offset ??= readOffset(await fetch(url, { method: "HEAD", signal }));
      onProgress("uploading", offset, file.size);
      if (offset >= file.size) return;
      const end: number = Math.min(file.size, offset + partBytes);
      offset = await sendPart(file, { url, offset, end, headers, signal });
      failures = 0;
    } catch (error) {
      const isTooLarge = error instanceof Refused && error.status === 413;
      const mayShrink = isTooLarge && partBytes > artifactSmallPartBytes;
      const isFinal = error instanceof Refused && !mayShrink;
      if (signal.aborted || isFinal || ++failures > failuresMax) throw error;
      offset = undefined;
      // A reverse proxy refuses large bodies.
      if (mayShrink) partBytes = artifactSmallPartBytes;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

/** Returns how many bytes are stored afterwards. */
async function sendPart(
  file: File,
  part: {
    url: string;
    offset: number;
    end: number;
    headers: Record<string, string>;
    signal: AbortSignal;
  },
): Promise<number> {
  const { url, offset, end, signal } = part;
  const range = { "Content-Range": `bytes ${offset}-${end - 1}/${file.size}` };
  const headers = { ...part.headers, ...range };
  const body = file.slice(offset, end);
  const response = await fetch(url, { method: "PUT", headers, body, signal });
  return readOffset(response);
}

function readOffset(response: Response): number {
  const text = response.headers.get(uploadOffsetHeader);
  // A part that was already stored is refused with the offset that is stored.
  if (text !== null && (response.ok || response.status === 409)) return Number(text);
  if (response.status >= 500) throw new Unreachable(`the upload was answered ${response.status}`);
  throw new Refused(response.status, "", `Cannot upload: the answer was ${response.status}`);
}

/** The page may be below a path of a reverse proxy, and reaches only its own origin. */
function addressOf({ url, resumable }: UploadView): string {
  if (url.startsWith("/")) return url.slice(1);
  const { origin, host } = new URL(url);
  if (resumable && origin === location.origin) return url;
  const advice = "Use the command line: wsctl send --file NAME=PATH";
  throw new Error(`Cannot upload: files are stored at ${host}, not here. ${advice}`);
}

/** A large file takes the control plane a while to verify. */
async function complete(id: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const path = `api/v1/artifacts/${encodeURIComponent(id)}/complete`;
    const { state } = await query<ArtifactView>(path, {}, signal);
    if (state === "ready") return;
    await new Promise((resolve) => setTimeout(resolve, verifyMs));
  }
}
