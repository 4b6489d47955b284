/**
 * A resumable upload: `HEAD` returns how many bytes were received, and each `PUT` appends a part
 * that is streamed from the file.
 */

import { readChunks } from "../files/fileDigest.ts";
import { uploadOffsetHeader } from "../protocol/api/artifacts.ts";
import { artifactSmallPartBytes } from "../protocol/limits.ts";
import { buildHttpFailure, HttpFailure, newWatchdog, unreachable } from "./retry.ts";
import { silenceMs, type UploadAttempt } from "./uploadAttempt.ts";

export async function uploadResumable(attempt: UploadAttempt): Promise<void> {
  const { part, sum } = attempt;
  let offset = await offsetNow(attempt);
  while (offset < sum.bytes) {
    try {
      const stands = await putPart(attempt, offset, Math.min(offset + part.bytes, sum.bytes));
      if (stands <= offset)
        throw unreachable(attempt.url, new Error("the server does not store the uploaded bytes"));
      offset = stands;
      attempt.kept(offset);
    } catch (error) {
      if (!isRefusedByProxy(error)) throw error;
      if (part.bytes <= artifactSmallPartBytes) throw bodyRefused(attempt);
      part.bytes = artifactSmallPartBytes;
      offset = await offsetNow(attempt);
    }
  }
}

/** A refusal of the control plane itself has a code of its own. */
function isRefusedByProxy(error: unknown): boolean {
  return error instanceof HttpFailure && error.status === 413 && error.code === "UNREACHABLE";
}

function bodyRefused({ url }: UploadAttempt): HttpFailure {
  const text = `A reverse proxy at ${url.origin} refuses request bodies of ${artifactSmallPartBytes} bytes`;
  const fix = "Raise its limit, such as client_max_body_size of nginx, to at least 1 MB";
  return new HttpFailure(413, "UNREACHABLE", `${text} (status 413). ${fix}`);
}

async function offsetNow(attempt: UploadAttempt): Promise<number> {
  const response = await send(attempt, { method: "HEAD" });
  if (!response.ok) throw buildHttpFailure(response.status, "", attempt.url);
  return parseOffset(response, attempt);
}

async function putPart(attempt: UploadAttempt, start: number, end: number): Promise<number> {
  const range = `bytes ${start}-${end - 1}/${attempt.sum.bytes}`;
  const pieces = readChunks(attempt.path, start, end);
  try {
    const init = { method: "PUT", headers: { "Content-Range": range } };
    const response = await send(attempt, init, pieces, start);
    if (response.ok) return parseOffset(response, attempt);
    const text = await response.text().catch(() => "");
    const offset = Number(response.headers.get(uploadOffsetHeader) ?? "-");
    // An earlier attempt had stored more than its response reported.
    if (response.status === 409 && offset > start) return offset;
    throw buildHttpFailure(response.status, text, attempt.url);
  } finally {
    await pieces.return(undefined);
  }
}

async function send(
  attempt: UploadAttempt,
  init: { method: string; headers?: Record<string, string> },
  pieces?: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  start = 0,
): Promise<Response> {
  const { url, upload, controlPlane } = attempt;
  const watchdog = newWatchdog(silenceMs, attempt.signal);
  let sent = start;
  const body =
    pieces &&
    new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          watchdog.alive();
          const { done, value } = await pieces.next();
          if (done) return controller.close();
          controller.enqueue(value);
          sent += value.length;
          attempt.sent(sent);
        },
      },
      { highWaterMark: 0 },
    );
  // The types of `fetch` do not include `duplex`, which a body that is a stream requires.
  const streamed = body === undefined ? {} : ({ body, duplex: "half" } as RequestInit);
  try {
    return await controlPlane.fetch(url.href, {
      method: init.method,
      headers: { ...upload.headers, ...init.headers },
      redirect: "error",
      signal: watchdog.signal,
      ...streamed,
    });
  } catch (error) {
    throw unreachable(url, error);
  } finally {
    watchdog.end();
  }
}

function parseOffset(response: Response, { url, sum }: UploadAttempt): number {
  const text = response.headers.get(uploadOffsetHeader) ?? "";
  const offset = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (offset >= 0 && offset <= sum.bytes) return offset;
  throw new HttpFailure(
    502,
    "UNREACHABLE",
    `${url.origin} does not report how many bytes were received`,
  );
}
