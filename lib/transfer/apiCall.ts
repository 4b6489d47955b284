/**
 * Who is talked to and who is trusted: a URL below the control plane's own address is fetched with
 * its certificate authority, any other with the system's. The token goes to the API alone.
 */
import type { ArtifactDetail } from "../protocol/api/artifacts.ts";
import { WsctlError } from "../protocol/errors.ts";
import { buildHttpFailure, unreachable } from "./retry.ts";

/** The control plane as the caller reaches it. */
export interface ControlPlane {
  /** `http://…` or `https://…`, without a path. */
  url: string;
  token: string;
  /** What to say instead of the token, made anew for every call. */
  authorization?: () => Promise<string>;
  /** Trusts what the caller trusts for the control plane. */
  fetch: typeof fetch;
}

/** One answer of the API: it waits up to ten seconds for a comparison. */
const answerMs = 30_000;

/** A URL of the API's answers, which is relative where the control plane itself is meant. */
export function toAbsoluteUrl(url: string, base: string): URL {
  try {
    const found = new URL(url, base);
    if (found.protocol === "https:" || found.protocol === "http:") return found;
  } catch {
    // Said below: both are the same to the caller.
  }
  throw new WsctlError(
    "MALFORMED",
    `Cannot use the URL "${url.slice(0, 200)}": expected https://…`,
  );
}

export function isSameOrigin(url: URL, { url: base }: Pick<ControlPlane, "url">): boolean {
  return url.origin === new URL(base).origin;
}

export function selectFetch(url: URL, access: Pick<ControlPlane, "url" | "fetch">): typeof fetch {
  return isSameOrigin(url, access) ? access.fetch : fetch;
}

/** An artifact with a fresh URL to download it by; throws a `Refusal`, or `UNREACHABLE`. */
export async function artifactDetail(
  access: ControlPlane,
  artifactId: string,
  signal?: AbortSignal,
): Promise<ArtifactDetail> {
  const path = `/api/v1/artifacts/${encodeURIComponent(artifactId)}`;
  return (await ask(access, "GET", path, undefined, signal)).body as ArtifactDetail;
}

/** Asks the API; throws a `Refusal`, or `UNREACHABLE`. */
export async function ask(
  access: ControlPlane,
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
    const authorization = (await access.authorization?.()) ?? `Bearer ${access.token}`;
    response = await access.fetch(url.href, {
      method,
      redirect: "error",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { Authorization: authorization, "Content-Type": "application/json" },
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
