/**
 * Downloads a file from a pre-signed URL. It is written to `PATH.part`, resumed after an
 * interruption, also by another process, and renamed only after its length and SHA-256 are verified
 * and it is on disk.
 */
import { createHash, type Hash } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { readChunks } from "../files/fileDigest.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { type ControlPlane, toAbsoluteUrl } from "./apiCall.ts";
import { syncParentDirectory } from "./files.ts";
import { buildHttpFailure, HttpFailure, newWatchdog, unreachable, withRetry } from "./retry.ts";

export interface DownloadOptions {
  /** As the API returned it: relative to `controlPlane`, or absolute. */
  url: string;
  /** Returns a new URL when this one has expired. */
  freshUrl?: () => Promise<string>;
  controlPlane: Pick<ControlPlane, "url" | "fetch">;
  path: string;
  bytes: number;
  sha256: string;
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
  /** The download fails if nothing was transferred for this long. */
  patienceMs?: number;
}

interface Part {
  file: FileHandle;
  hash: Hash;
  bytes: number;
}

const silenceMs = 60_000;

/**
 * Downloads the file.
 *
 * @throws {WsctlError} the code of the response, UNREACHABLE after the timeout, or
 *   CHECKSUM_MISMATCH, after which the partial file is deleted
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { path, bytes, sha256 } = options;
  const partPath = `${path}.part`;
  const part = await openPart(partPath, options);
  try {
    let url = options.url;
    await withRetry(options, async ({ kept }) => {
      if (part.bytes === bytes) return;
      try {
        await fetchRest(url, part, options, kept);
      } catch (error) {
        const isStale = error instanceof HttpFailure && error.status === 403;
        if (!isStale || options.freshUrl === undefined) throw error;
        url = await options.freshUrl();
        await fetchRest(url, part, options, kept);
      }
    });
    if (part.hash.digest("hex") !== sha256) throw otherContent(path, "its SHA-256 does not match");
    await part.file.sync();
  } catch (error) {
    if (error instanceof WsctlError && error.code === "CHECKSUM_MISMATCH") {
      rmSync(partPath, { force: true });
    }
    throw error;
  } finally {
    await part.file.close();
  }
  renameSync(partPath, path);
  await syncParentDirectory(path);
}

/**
 * The bytes of an earlier attempt are kept. If there are more than announced, they belong to
 * another file.
 */
async function openPart(path: string, options: DownloadOptions): Promise<Part> {
  const file = await open(path, "a+", 0o600);
  const part: Part = { file, hash: createHash("sha256"), bytes: 0 };
  try {
    for await (const piece of readChunks(path)) {
      options.signal?.throwIfAborted();
      part.hash.update(piece);
      part.bytes += piece.length;
    }
    if (part.bytes > options.bytes) await begin(part);
    return part;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function begin(part: Part): Promise<void> {
  await part.file.truncate(0);
  part.hash = createHash("sha256");
  part.bytes = 0;
}

async function fetchRest(
  address: string,
  part: Part,
  options: DownloadOptions,
  kept: () => void,
): Promise<void> {
  const url = toAbsoluteUrl(address, options.controlPlane.url);
  const watchdog = newWatchdog(silenceMs, options.signal);
  try {
    const range = part.bytes === 0 ? {} : { Range: `bytes=${part.bytes}-` };
    const response = await options.controlPlane
      .fetch(url.href, {
        headers: { ...range, "Accept-Encoding": "identity" },
        signal: watchdog.signal,
      })
      .catch((error) => {
        throw unreachable(url, error);
      });
    if (!response.ok) {
      throw buildHttpFailure(response.status, await response.text().catch(() => ""), url);
    }
    const starts = `bytes ${part.bytes}-`;
    const goesOn = response.headers.get("content-range")?.startsWith(starts) ?? false;
    // A server without range support sends the whole file again.
    if (part.bytes > 0 && !(response.status === 206 && goesOn)) await begin(part);
    await append(response, part, options, () => {
      watchdog.alive();
      kept();
    });
    if (part.bytes === options.bytes) return;
    throw unreachable(url, new Error(`only ${part.bytes} of ${options.bytes} bytes were received`));
  } finally {
    watchdog.end();
  }
}

async function append(
  response: Response,
  part: Part,
  options: DownloadOptions,
  moved: () => void,
): Promise<void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw unreachable(new URL(response.url), error);
      });
      if (done || value === undefined) return;
      if (part.bytes + value.length > options.bytes) {
        throw otherContent(options.path, `it has more than the announced ${options.bytes} bytes`);
      }
      await write(part.file, value, options.path);
      part.hash.update(value);
      part.bytes += value.length;
      moved();
      options.onProgress?.(part.bytes, options.bytes);
    }
  } finally {
    // The rest is not needed, so errors of the connection are ignored.
    reader.cancel().catch(() => {});
  }
}

/** The error of the operating system does not name the file. */
async function write(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
  } catch (error) {
    const text = `Cannot write "${path}": ${errorText(error)}`;
    throw new WsctlError("INTERNAL", text, { cause: error });
  }
}

function otherContent(path: string, why: string): WsctlError {
  const text = `The download for "${path}" is not the announced artifact: ${why}. The partial file was deleted`;
  return new WsctlError("CHECKSUM_MISMATCH", text);
}
