/**
 * Calls to the API with the right trust: a URL of the control plane is fetched with its CA, any
 * other with the system's CAs. The token is sent to the API only.
 */
import type { Trust } from "../network/trust.ts";
import type { ArtifactDetail } from "../protocol/api/artifacts.ts";
import { WsctlError } from "../protocol/errors.ts";
import { buildHttpFailure, unreachable } from "./retry.ts";

/** The control plane as the caller reaches it. */
export interface ControlPlane {
  /** `http(s)://HOST[:PORT][/PATH]`, without a slash at the end. */
  url: string;
  token: string;
  /** Returns the Authorization header for each call, in place of the token. */
  authorization?: () => Promise<string>;
  /** See `controlPlaneFetch`. */
  fetch: typeof fetch;
}

/** The timeout of an API response, which waits up to ten seconds for a verification. */
const answerMs = 30_000;

/**
 * Resolves a URL in an API response. The control plane's own URLs are paths below its address,
 * which itself may have a path.
 *
 * @throws {WsctlError} MALFORMED
 */
export function toAbsoluteUrl(url: string, base: string): URL {
  try {
    const found = new URL(url.startsWith("/") ? base + url : url);
    if (found.protocol === "https:" || found.protocol === "http:") return found;
  } catch {
    // Reported below: both cases are the same for the caller.
  }
  throw new WsctlError(
    "MALFORMED",
    `Cannot use the URL "${url.slice(0, 200)}". Expected https://…`,
  );
}

/**
 * Returns a `fetch` with the given trust for the control plane, and the system's CAs for every
 * other origin, such as an object storage.
 *
 * @param fetchWith The one of the runtime.
 * @param base The URL of the control plane.
 */
export function controlPlaneFetch(
  fetchWith: (trust: Trust) => typeof fetch,
  base: string,
  trust: Trust,
): typeof fetch {
  const [own, others] = [fetchWith(trust), fetchWith({})];
  const { origin } = new URL(base);
  const choose: (...args: Parameters<typeof fetch>) => Promise<Response> = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    return (url.origin === origin ? own : others)(input, init);
  };
  return choose as typeof fetch;
}

/**
 * Returns an artifact with a new download URL.
 *
 * @throws {WsctlError} the code of the response, or UNREACHABLE
 */
export async function artifactDetail(
  access: ControlPlane,
  artifactId: string,
  signal?: AbortSignal,
): Promise<ArtifactDetail> {
  const path = `/api/v1/artifacts/${encodeURIComponent(artifactId)}`;
  return (await ask(access, "GET", path, undefined, signal)).body as ArtifactDetail;
}

/**
 * Calls the API; without a token, a route that needs none.
 *
 * @throws {WsctlError} the code of the response, or UNREACHABLE
 */
export async function ask(
  access: Omit<ControlPlane, "token"> & { token?: string },
  method: "GET" | "POST",
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<{ status: number; body: unknown }> {
  const url = toAbsoluteUrl(path, access.url);
  const limit = AbortSignal.timeout(answerMs);
  let response: Response;
  let text: string;
  try {
    const bearer = access.token === undefined ? undefined : `Bearer ${access.token}`;
    const authorization = (await access.authorization?.()) ?? bearer;
    response = await access.fetch(url.href, {
      method,
      redirect: "error",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        ...(authorization === undefined ? {} : { Authorization: authorization }),
        "Content-Type": "application/json",
      },
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    text = await response.text();
  } catch (error) {
    throw unreachable(url, error);
  }
  if (!response.ok) throw buildHttpFailure(response.status, text, url);
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch (error) {
    throw unreachable(url, error);
  }
}
