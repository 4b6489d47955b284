/** What every handler of the console's own addresses is handed, and how each lets somebody in. */
import { randomBytes } from "node:crypto";
import type { Context } from "hono";
import type { Log } from "../../log/log.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { AuditTrail } from "../../store/auditTrail.ts";
import type { Refusals } from "../audit/auditRequest.ts";
import type { Access } from "../auth/authenticator.ts";
import type { Holder, Logins } from "../auth/loginSessions.ts";
import { auditUnavailable } from "../core/rejections.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import type { Cookies } from "./cookies.ts";
import type { Oidc } from "./oidc/oidcFlow.ts";
import { isFromOwnPage, whenceOf } from "./sameOrigin.ts";

export interface Visit {
  c: Context;
  access: Access;
  logins: Logins;
  cookies: Cookies;
  refusals: Refusals;
  audit: AuditTrail;
  /** Absent where no provider was named. */
  oidc: Oidc | undefined;
  /** Where browsers find the console. */
  consoleUrl: string;
  address: string;
  log: Log;
  /** Milliseconds since 1970. */
  now: number;
}

export const loginAction = "console.login";

const secretBytes = 32;

/** Always a new secret, whatever the browser brought; the login that it had before ends. */
export function letIn(
  visit: Visit,
  holder: Holder,
  token: Pick<StoredToken, "tokenId" | "role">,
  on: JsonObject,
): void {
  const { c, logins, cookies, audit, address, now } = visit;
  const before = cookies.login(c);
  if (before !== undefined) logins.end(before);
  const secret = randomBytes(secretBytes).toString("base64url");
  logins.begin(secret, holder, now);
  try {
    const { tokenId: actor, role } = token;
    audit.write({ action: loginAction, outcome: "accepted", actor, role, address, on }, now);
  } catch (error) {
    logins.end(secret);
    throw auditUnavailable(error);
  }
  cookies.setLogin(c, secret);
}

/** Of what changes something the browser says whose page asked; throws `FORBIDDEN`. */
export function requireOwnPage({ c, consoleUrl }: Pick<Visit, "c" | "consoleUrl">): void {
  if (isFromOwnPage(whenceOf(c), consoleUrl)) return;
  const text = `only the console's own page may ask this, under ${consoleUrl} (wsctl serve --console-url)`;
  throw new WsctlError("FORBIDDEN", text);
}
