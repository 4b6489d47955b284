/** Whether a request comes from a page of our own, as the browser says it and no page can change. */
import type { Context } from "hono";

export interface RequestOrigin {
  origin: string | undefined;
  host: string | undefined;
  /** `Sec-Fetch-Site`. */
  site: string | undefined;
}

/** `consoleUrl`: where browsers find the console, if a proxy calls us by another name. */
export function isSameOrigin({ origin, host, site }: RequestOrigin, consoleUrl: string): boolean {
  if (site !== undefined && site !== "same-origin") return false;
  if (origin === undefined || !/^https?:/.test(origin) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  const own = new URL(consoleUrl);
  // What was loaded in plain text may have been written by anybody on the way.
  if (own.protocol === "https:" && page.protocol !== "https:") return false;
  return page.host === host?.toLowerCase() || page.host === own.host;
}

export function readOrigin(c: Context): RequestOrigin {
  return {
    origin: c.req.header("origin"),
    host: c.req.header("host"),
    site: c.req.header("sec-fetch-site"),
  };
}
