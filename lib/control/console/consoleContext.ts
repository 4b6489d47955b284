/** The context of the console's handlers, and how each starts a session. */
import { randomBytes } from "node:crypto";
import type { Context } from "hono";
import type { Log } from "../../log/log.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { describeActor } from "../api/actor.ts";
import type { RefusalLog } from "../audit/auditRequest.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { LoginSessions, LoginSubject } from "../auth/logins/loginSessions.ts";
import type { Revocations } from "../auth/revocation.ts";
import { auditUnavailable } from "../core/rejections.ts";
import type { AuditTrail } from "../journal/auditTrail.ts";
import type { StoredToken, TokenTable } from "../journal/tables/tokenTable.ts";
import type { Cookies } from "./cookies.ts";
import type { OidcFlow } from "./oidc/oidcFlow.ts";
import { isSameOrigin, readOrigin } from "./sameOrigin.ts";

/** What a console that is served may do: everything that the role permits, or reading. */
export type ConsoleMode = "full" | "read-only";

export interface ConsoleContext {
  c: Context;
  authenticator: Authenticator;
  logins: LoginSessions;
  cookies: Cookies;
  refusals: RefusalLog;
  audit: AuditTrail;
  tokens: TokenTable;
  revocations: Revocations;
  /** Absent if no OpenID provider is configured. */
  oidc: OidcFlow | undefined;
  mode: ConsoleMode;
  /** The public URL of the console. */
  consoleUrl: string;
  address: string;
  log: Log;
  /** Milliseconds since 1970. */
  now: number;
}

export const loginAction = "console.login";

const secretBytes = 32;

/**
 * Always creates a new secret, to prevent session fixation. The browser's previous session ends.
 */
export function startSession(
  context: ConsoleContext,
  subject: LoginSubject,
  token: Pick<StoredToken, "tokenId" | "name" | "role">,
  resource: JsonObject,
): void {
  const { c, logins: sessions, cookies, audit, address, now } = context;
  const before = cookies.login(c);
  if (before !== undefined) sessions.end(before);
  const secret = randomBytes(secretBytes).toString("base64url");
  sessions.begin(secret, subject, now);
  try {
    const actor = describeActor(token);
    audit.write({ action: loginAction, outcome: "accepted", ...actor, address, resource });
  } catch (error) {
    sessions.end(secret);
    throw auditUnavailable(error);
  }
  cookies.setLogin(c, secret);
}

/**
 * Checks the Origin of a request that changes something (Fetch standard, `Sec-Fetch-Site`).
 *
 * @throws {WsctlError} FORBIDDEN
 */
export function requireSameOrigin({
  c,
  consoleUrl,
}: Pick<ConsoleContext, "c" | "consoleUrl">): void {
  if (isSameOrigin(readOrigin(c), consoleUrl)) return;
  const text = `Only the console page at ${consoleUrl} may send this request. Set the URL with wsctl serve --public-url or --console-url`;
  throw new WsctlError("FORBIDDEN", text);
}
