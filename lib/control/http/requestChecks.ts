/** What every request is checked for before a route sees it. */
import type { Context } from "hono";
import { WsctlError } from "../../protocol/errors.ts";
import { bodyBytesMax } from "../../protocol/limits.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { ClientAddresses } from "../auth/clientAddress.ts";
import type { Console } from "../console/console.ts";
import type { AllowedHosts } from "./allowedHosts.ts";

interface OriginOptions {
  addresses: ClientAddresses;
  hosts: AllowedHosts;
  runtime: Runtime;
}

/** Health checks return no data, and load balancers call them under any host name. */
const publicPaths: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/**
 * Rejects requests for unknown host names, from pages of other origins, and with contradictory
 * addresses.
 *
 * @throws {WsctlError} FORBIDDEN
 */
export function assertSameOrigin(c: Context, options: OriginOptions, webConsole: Console): void {
  const { addresses, hosts, runtime } = options;
  if (publicPaths.has(c.req.path)) return;
  addresses.find(c);
  if (!hosts.allows(c.req.header("host"))) {
    const text =
      "Host header is not allowed. Add the name with wsctl serve --advertise NAME or --public-url URL";
    throw new WsctlError("FORBIDDEN", text);
  }
  if (runtime.header(c, "origin") === undefined || webConsole.isSameOrigin(c)) return;
  const text = "Cross-origin requests are not allowed";
  throw new WsctlError("FORBIDDEN", text);
}

/**
 * URLs end up in logs and shell histories, so a token in a URL is rejected.
 *
 * @throws {WsctlError} MALFORMED
 */
export function assertNoTokenInUrl(c: Context): void {
  if (c.req.query("token") === undefined && c.req.query("access_token") === undefined) return;
  throw new WsctlError("MALFORMED", "Send the token in the Authorization header, not in the URL");
}

/** @throws {WsctlError} TOO_LARGE */
export function assertNoBody(): never {
  throw new WsctlError("TOO_LARGE", `Body is over ${bodyBytesMax} bytes`);
}
