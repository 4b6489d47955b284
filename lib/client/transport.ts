/** Sends requests to the control plane's API and converts failures to `WsctlError`. */
import { isRefused, plainReason } from "../network/connectionError.ts";
import { WsctlError } from "../protocol/errors.ts";
import type { ClientSocket, ClientSocketEvents, ConnectOptions } from "../runtime/runtime.ts";
import { readPieces } from "./ndjson.ts";
import { jsonBody, parseError, unexpectedResponse } from "./request.ts";

export interface ClientOptions {
  /** `http(s)://HOST[:PORT][/PATH]`, without a slash at the end. */
  url: string;
  token: string;
  fetch: typeof fetch;
  /** Opens WebSockets, for sessions. */
  connect?: SocketDial;
}

/** Opens a WebSocket with the trust that `fetch` has. */
export type SocketDial = (
  options: Omit<ConnectOptions, "trust">,
  events: ClientSocketEvents,
) => Promise<ClientSocket>;

/** The timeout of a response that is not a stream. */
const answerMs = 10_000;

/** The longest pause within a stream of content. */
const silenceMs = 60_000;

export class Transport {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get<T>(path: string, timeoutMs: number | null = answerMs): Promise<T> {
    return this.json(path, {}, timeoutMs);
  }

  /** For a JSON response. */
  post<T>(path: string, body?: unknown): Promise<T> {
    return this.json(path, body === undefined ? { method: "POST" } : jsonBody(body));
  }

  /** Returns a JSON response. The connection may be lost before its end. */
  async json<T>(path: string, init: RequestInit, timeoutMs: number | null = answerMs): Promise<T> {
    const response = await this.fetch(path, init, timeoutMs);
    let text: string;
    try {
      text = await response.text();
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw this.unreachable(error, isInDoubt(path, init));
    }
    try {
      return JSON.parse(text) as T;
    } catch {
      throw unexpectedResponse(response.status, this.#options.url);
    }
  }

  /** @param timeoutMs Null for a stream, which detects silence itself. */
  async fetch(path: string, init: RequestInit, timeoutMs: number | null = answerMs) {
    const { url, token, fetch } = this.#options;
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    const limit = timeoutMs === null ? {} : { signal: AbortSignal.timeout(timeoutMs) };
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, { redirect: "error", ...limit, ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw this.unreachable(error, isInDoubt(path, init));
    }
    if (!response.ok) throw await parseError(response, url);
    return response;
  }

  /** Opens a stream, which detects silence itself. A web page would look like one that has ended. */
  async stream(path: string, init: RequestInit, type: string): Promise<Response> {
    const response = await this.fetch(path, init, null);
    if (response.headers.get("content-type")?.startsWith(type)) return response;
    await response.body?.cancel();
    throw unexpectedResponse(response.status, this.#options.url);
  }

  /**
   * Opens a WebSocket with the token.
   *
   * @throws {WsctlError} USAGE if this client was created without `connect`
   */
  async connect(
    { path, ...options }: Omit<ConnectOptions, "trust" | "url" | "headers"> & { path: string },
    events: ClientSocketEvents,
  ): Promise<ClientSocket> {
    const { url, token, connect } = this.#options;
    if (connect === undefined) {
      throw new WsctlError("USAGE", 'Cannot open a session: the client has no "connect"');
    }
    const headers = { Authorization: `Bearer ${token}` };
    return connect({ ...options, url: url.replace(/^http/, "ws") + path, headers }, events);
  }

  /** @param place A path on the control plane, or an absolute URL, which is its own credential. */
  async download(place: string): Promise<Response> {
    const { url, fetch } = this.#options;
    const at = place.startsWith("/") ? `${url}${place}` : place;
    const response = await fetch(at).catch((error) => {
      throw this.unreachable(error);
    });
    if (!response.ok) throw await parseError(response, url);
    return response;
  }

  /** Returns the content of a response, whose errors are those of the connection. */
  guard(response: Response): ReadableStream<Uint8Array> {
    const pieces = readPieces(response, silenceMs);
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await pieces.next().catch((error) => {
          throw this.unreachable(error);
        });
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await pieces.return(undefined)),
    });
  }

  /** @param mayHaveEffect Whether the control plane may have done what was asked. */
  unreachable(cause: unknown, mayHaveEffect = false): WsctlError {
    const advice =
      mayHaveEffect && !isRefused(cause)
        ? "The request may have had its effect: check before you repeat it"
        : 'Run "wsctl doctor" to diagnose the connection';
    const reason = plainReason(cause);
    const text = `Cannot reach the control plane at ${this.#options.url}: ${reason}. ${advice}`;
    return new WsctlError("UNREACHABLE", text, { cause });
  }
}

/** These only read: what they ask for is too long for a URL. */
const reading = /\/(targets|stream)$/;

function isInDoubt(path: string, { method = "GET" }: RequestInit): boolean {
  return method !== "GET" && !reading.test(path);
}
