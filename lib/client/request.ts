/** Building blocks of API calls and the handling of their failures. */
import { describeProxy } from "../network/proxyRules.ts";
import type { ErrorBody } from "../protocol/api/views.ts";
import { isErrorCode, WsctlError } from "../protocol/errors.ts";

export async function parseError(response: Response, url: string): Promise<WsctlError> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (isErrorCode(error.code)) return new WsctlError(error.code, error.message);
  } catch {
    // Not an error body of wsctl; only the status is known.
  }
  return unexpectedResponse(response.status, url);
}

/** The response of something that is not a control plane, such as a web site or a proxy. */
export function unexpectedResponse(status: number, url: string): WsctlError {
  const from = `${url}${describeProxy(url, process.env)}`;
  const detail =
    status === 413
      ? "a proxy refuses a request of this size. Raise its limit"
      : 'not a wsctl server. Run "wsctl doctor" to diagnose the connection';
  return new WsctlError("UNREACHABLE", `Unexpected response ${status} from ${from}: ${detail}`);
}

export function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

export function jsonBody(body: unknown) {
  return {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  };
}

/**
 * Encodes a name or an id as a path segment.
 *
 * @throws {WsctlError} USAGE if it is empty, because the path would name another resource
 */
export function segment(name: string): string {
  if (name !== "") return encodeURIComponent(name);
  throw new WsctlError("USAGE", "Empty name or id. Check for an unset variable in the shell");
}

export function formatQuery(query: Record<string, string | number | boolean | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}
