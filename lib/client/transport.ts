/** Sends requests to the control plane's API and converts failures to `WsctlError`. */
import { plainReason } from "../network/connectionError.ts";
import { WsctlError } from "../protocol/errors.ts";
import type { ClientSocket, ClientSocketEvents, ConnectOptions } from "../runtime/runtime.ts";
import { jsonBody, parseError } from "./request.ts";

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

export class Transport {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async get<T>(path: string, timeoutMs: number | null = answerMs): Promise<T> {
    return (await (await this.fetch(path, {}, timeoutMs)).json()) as T;
  }

  /** For a JSON response. */
  async post<T>(path: string, body?: unknown): Promise<T> {
    const init = body === undefined ? { method: "POST" } : jsonBody(body);
    return (await (await this.fetch(path, init)).json()) as T;
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
      throw this.unreachable(error);
    }
    if (!response.ok) throw await parseError(response, url);
    return response;
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

  unreachable(cause: unknown): WsctlError {
    const text = `Cannot reach the control plane at ${this.#options.url}: ${plainReason(cause)}. Run "wsctl doctor" to diagnose the connection`;
    return new WsctlError("UNREACHABLE", text, { cause });
  }
}
