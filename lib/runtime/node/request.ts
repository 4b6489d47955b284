/**
 * Requests that the `fetch` of Deno and Node.js cannot make: with a body that is a stream of a known
 * length, which it would send in chunks, with a server name other than the URL's host, and, on
 * Node.js, with certificates of one's own or through a proxy.
 */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { HttpProxy } from "../../network/proxyRules.ts";
import type { Trust } from "../../network/trust.ts";
import { openTcp, openTls } from "../../network/tunnel.ts";
import { connectTimeoutMs } from "../../protocol/limits.ts";

export async function requestWithNode(
  url: URL,
  init: RequestInit,
  trust: Trust,
  proxy: HttpProxy | undefined,
): Promise<Response> {
  const dial = { proxy, timeoutMs: connectTimeoutMs };
  const socket =
    url.protocol === "https:" ? await openTls(url, trust, dial) : await openTcp(url, dial);
  const { body = null, method = "GET", headers, signal } = init;
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
      method,
      headers: { Host: url.host, Connection: "close", ...Object.fromEntries(new Headers(headers)) },
      ...(signal ? { signal } : {}),
    });
    outgoing.on("error", fail);
    outgoing.on("response", (response) => {
      isAnswered = true;
      resolve(toResponse(response));
    });
    if (body instanceof ReadableStream) {
      // Node's and the platform's types of web streams are the same under two names.
      pipeline(Readable.fromWeb(body as unknown as NodeStream), outgoing).catch(fail);
    } else outgoing.end(body ?? undefined);
  });
}

function toResponse(response: IncomingMessage): Response {
  const { statusCode: status = 502, headers } = response;
  const named = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
  const isEmpty = [204, 205, 304].includes(status);
  const body = isEmpty ? null : (Readable.toWeb(response) as unknown as ReadableStream);
  if (isEmpty) response.resume();
  return new Response(body, { status, headers: named });
}
