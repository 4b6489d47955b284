/**
 * One `PUT` of a whole file to an object storage, with the exact Content-Length, which is part of
 * the URL's signature. `node:http` sends it on every runtime; `fetch` of a stream does not.
 */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readChunks } from "../files/fileDigest.ts";
import { buildHttpFailure, newWatchdog, unreachable } from "./retry.ts";
import { silenceMs, type UploadAttempt } from "./uploadAttempt.ts";

const answerCharsMax = 4_096;

/**
 * A failed upload starts from the beginning.
 *
 * @throws {WsctlError} the code of the response, or UNREACHABLE
 */
export async function uploadSinglePut(attempt: UploadAttempt): Promise<void> {
  const watchdog = newWatchdog(silenceMs, attempt.signal);
  try {
    const { status, text } = await exchange(attempt, watchdog);
    if (status < 200 || status > 299) throw buildHttpFailure(status, text, attempt.url);
  } finally {
    watchdog.end();
  }
}

function exchange(
  attempt: UploadAttempt,
  watchdog: ReturnType<typeof newWatchdog>,
): Promise<{ status: number; text: string }> {
  const { url, upload, sum } = attempt;
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // A server that rejects an upload may respond early and close: the response counts, not the
    // connection error.
    let isAnswered = false;
    const fail = (error: unknown) => {
      if (!isAnswered) reject(unreachable(url, error));
    };
    const outgoing = request(url, {
      method: "PUT",
      headers: { ...upload.headers, "Content-Length": String(sum.bytes) },
      signal: watchdog.signal,
    });
    outgoing.on("error", fail);
    outgoing.on("response", (response) => {
      isAnswered = true;
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (more: string) => {
        if (text.length < answerCharsMax) text += more;
      });
      // Uses the body even if it was cut off.
      response.on("close", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", () => {});
    });
    pipeline(
      Readable.from(parseErrorText(attempt, watchdog.alive), { objectMode: false }),
      outgoing,
    ).catch(fail);
  });
}

async function* parseErrorText(
  attempt: UploadAttempt,
  alive: () => void,
): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const piece of readChunks(attempt.path, 0, attempt.sum.bytes)) {
    yield piece;
    alive();
    sent += piece.length;
    attempt.sent(sent);
  }
}
