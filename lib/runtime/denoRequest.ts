/**
 * A request under Deno whose body is a stream of a known length. Deno's `fetch` sends every stream
 * in chunks, which object storages refuse; `node:http` sends the length.
 */
import { request as requestHttp } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { HttpProxy } from "../network/proxyRules.ts";
import { openTcp, openTls } from "../network/tunnel.ts";
import { connectTimeoutMs } from "../protocol/limits.ts";

const answerBytesMax = 64 * 1024;

/** @param ca PEM text of the CAs to trust in place of the system's. */
export async function sendWithLength(
  url: URL,
  init: RequestInit,
  ca: string | undefined,
  proxy: HttpProxy | undefined,
): Promise<Response> {
  const way = { proxy, timeoutMs: connectTimeoutMs };
  const socket =
    url.protocol === "https:" ? await openTls(url, { ca }, way) : await openTcp(url, way);
  return new Promise((resolve, reject) => {
    // A server that rejects an upload may respond early and close: the response counts, not the
    // connection error.
    let isAnswered = false;
    const fail = (error: unknown) => {
      socket.destroy();
      if (!isAnswered) reject(error);
    };
    const outgoing = requestHttp({
      createConnection: () => socket,
      host: url.hostname,
      path: url.pathname + url.search,
      method: init.method ?? "PUT",
      headers: { Host: url.host, ...Object.fromEntries(new Headers(init.headers)) },
      ...(init.signal ? { signal: init.signal } : {}),
    });
    outgoing.on("error", fail);
    outgoing.on("response", (response) => {
      isAnswered = true;
      const parts: Uint8Array[] = [];
      let bytes = 0;
      response.on("data", (part: Uint8Array) => {
        if (bytes < answerBytesMax) parts.push(part);
        bytes += part.length;
      });
      // Uses the body even if it was cut off.
      response.on("close", () => {
        const status = response.statusCode ?? 502;
        const text = Buffer.concat(parts);
        resolve(new Response(text.length === 0 ? null : text, { status }));
        socket.destroy();
      });
      response.on("error", () => {});
    });
    const body = Readable.fromWeb(init.body as unknown as NodeStream);
    pipeline(body, outgoing).catch(fail);
  });
}
