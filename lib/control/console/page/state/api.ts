/**
 * Calls the API of the control plane that served this page; the browser adds the session cookie.
 * All paths are relative to the page, which may lie below a path of a reverse proxy.
 */
import type { Page } from "../../../../protocol/api/views.ts";

/** The session has ended. */
export class LoggedOut extends Error {}

/** The control plane did not respond, or only a proxy in front of it did. */
export class Unreachable extends Error {}

/** The control plane refused the request. */
export class Refused extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, text: string) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, signal === undefined ? {} : { signal });
  return (await response.json()) as T;
}

/** Asks a question that needs a body, and changes nothing. */
export async function query<T>(path: string, body: unknown, signal: AbortSignal): Promise<T> {
  const response = await open(path, body, signal);
  return (await response.json()) as T;
}

/** Sends a request that changes something; undefined if the response has no body. */
export async function call<T>(
  method: "POST" | "DELETE",
  path: string,
  body: unknown = {},
  more: Record<string, string> = {},
): Promise<T | undefined> {
  const headers = { "Content-Type": "application/json", ...more };
  const response = await ask(path, { method, headers, body: JSON.stringify(body) });
  const text = await response.text();
  return text === "" ? undefined : (JSON.parse(text) as T);
}

/** Opens a stream of lines of JSON. */
export async function open(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

/** Reads all pages of a list; `onPage` gets what is there after each. */
export async function getAll<T>(
  path: string,
  signal: AbortSignal,
  onPage: (items: T[]) => void = () => {},
): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const more: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<T> = await get<Page<T>>(`${path}${more}`, signal);
    items.push(...page.items);
    cursor = page.next_cursor;
    if (cursor !== undefined) onPage(items);
  }
  return items;
}

async function ask(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...options, cache: "no-store", redirect: "error" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable("the control plane does not respond", { cause: error });
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as {
    error?: { code: string; message: string };
  };
  if (body.error === undefined) {
    throw new Unreachable(`the control plane responded ${response.status}`);
  }
  const { code, message } = body.error;
  if (response.status === 401) throw new LoggedOut(message);
  if (response.status === 503) throw new Unreachable(message);
  throw new Refused(response.status, code, message);
}
