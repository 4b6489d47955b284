/** Decides from headers that no page can forge whether a request comes from this origin. */
import type { Context } from "hono";

export interface RequestOrigin {
  origin: string | undefined;
  host: string | undefined;
  /** The `Sec-Fetch-Site` header (Fetch Metadata Request Headers). */
  site: string | undefined;
}

/** @param consoleUrl The public URL of the console, if a proxy uses another host name. */
export function isSameOrigin({ origin, host, site }: RequestOrigin, consoleUrl: string): boolean {
  if (site !== undefined && site !== "same-origin") return false;
  if (origin === undefined || !/^https?:/.test(origin) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  const own = new URL(consoleUrl);
  // A page that was loaded over plain HTTP may have been modified in transit.
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
