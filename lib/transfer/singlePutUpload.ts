/**
 * One `PUT` of a whole file to an object storage, with the exact Content-Length, which is part of
 * the URL's signature.
 */
import { readChunks } from "../files/fileDigest.ts";
import { buildHttpFailure, newWatchdog, unreachable } from "./retry.ts";
import { silenceMs, type UploadAttempt } from "./uploadAttempt.ts";

/**
 * A failed upload starts from the beginning.
 *
 * @throws {WsctlError} the code of the response, or UNREACHABLE
 */
export async function uploadSinglePut(attempt: UploadAttempt): Promise<void> {
  const { url, upload, sum, controlPlane } = attempt;
  const watchdog = newWatchdog(silenceMs, attempt.signal);
  const pieces = readChunks(attempt.path, 0, sum.bytes);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>(
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
  const streamed = { body, duplex: "half" } as RequestInit;
  try {
    const response = await controlPlane
      .fetch(url.href, {
        method: "PUT",
        headers: { ...upload.headers, "Content-Length": String(sum.bytes) },
        redirect: "error",
        signal: watchdog.signal,
        ...streamed,
      })
      .catch((error) => {
        throw unreachable(url, error);
      });
    const text = await response.text().catch(() => "");
    if (!response.ok) throw buildHttpFailure(response.status, text, url);
  } finally {
    watchdog.end();
    await pieces.return(undefined);
  }
}
