/** What calls of the API are made of, and what their failures mean. */
import type { ErrorBody } from "../protocol/api/views.ts";
import { isErrorCode, WsctlError } from "../protocol/errors.ts";

export async function parseError(response: Response, url: string): Promise<WsctlError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (isErrorCode(error.code)) return new WsctlError(error.code, error.message);
  } catch {
    // Not one of ours; the status is all that is known.
  }
  return new WsctlError("UNREACHABLE", `${url} answers ${response.status}: is it a wsctl serve?`);
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

/** A name or an id as a part of a path; throws `USAGE` for an empty one: that is another path. */
export function segment(name: string): string {
  if (name !== "") return encodeURIComponent(name);
  throw new WsctlError("USAGE", "An empty name or id was given: is a variable of the shell unset?");
}

export function formatQuery(query: Record<string, string | number | boolean | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}
