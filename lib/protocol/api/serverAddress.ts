/** The address of a control plane, which may lie below a path of a reverse proxy. */

export interface ServerAddress {
  /** The base of the API: `http(s)://HOST[:PORT][/PATH]`, without a slash at the end. */
  url: string;
  /** The WebSocket endpoint of agents: `ws(s)://…`. */
  agentUrl: string;
}

export const endpointPath = "/agent";

/**
 * Parses an address. `http(s)://…` is the base of the API. `ws(s)://…` with a path is the endpoint
 * of agents, exactly as given, so that an agent connects to any implementation of the standard.
 * Returns undefined for other texts; a query, a fragment or a user name is refused.
 */
export function parseServerAddress(text: string): ServerAddress | undefined {
  const bare = text.replace(/\/+$/, "");
  const [, scheme = "", place = "", path = ""] =
    /^(https?|wss?):\/\/([^/?#@\s]+)(\/[^?#\s]*)?$/.exec(bare) ?? [];
  const s = scheme === "https" || scheme === "wss" ? "s" : "";
  if (scheme === "" || !URL.canParse(`http${s}://${place}${path}`)) return undefined;
  if (scheme.startsWith("http") || path === "")
    return toServerAddress(`http${s}://${place}${path}`);
  const base = path.endsWith(endpointPath) ? path.slice(0, -endpointPath.length) : path;
  return { url: `http${s}://${place}${base}`, agentUrl: bare };
}

/** Returns the path of a base URL, without a slash at the end: empty at the root of a host. */
export function basePath(url: string): string {
  return new URL(url).pathname.replace(/\/+$/, "");
}

/** @param url The base of the API, without a slash at the end. */
export function toServerAddress(url: string): ServerAddress {
  return { url, agentUrl: `${url.replace(/^http/, "ws")}${endpointPath}` };
}
