/** Logs a user in with a token or a login string, logs out, and returns the current user. */
import type { Context } from "hono";
import * as v from "valibot";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { protocolVersion, version } from "../../protocol/wire/version.ts";
import { describeActor } from "../api/actor.ts";
import { parseBody, readText } from "../api/route.ts";
import { credentialFingerprint } from "../auth/credentialFingerprint.ts";
import { TooManyFailures } from "../auth/failedAttempts.ts";
import type { LoginSubject } from "../auth/logins/loginSessions.ts";
import { type Permission, permissionsOf, permits } from "../auth/permissions.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import {
  type ConsoleContext,
  type ConsoleMode,
  loginAction,
  requireSameOrigin,
  startSession,
} from "./consoleContext.ts";
import { consoleRoles, isLoginString, redeemLogin } from "./redeemLogin.ts";

/** A login string contains the URL of the control plane. */
const tokenCharsMax = 1024;

const TokenBody = v.strictObject({
  token: v.pipe(v.string(), v.maxLength(tokenCharsMax, "is too long for a token")),
});

/** The response of `GET /console/login`, which needs no session. */
export interface LoginView {
  logged_in: boolean;
  /** Whether users can log in at an OpenID provider. */
  oidc: boolean;
  name?: string;
  role?: string;
  /** When the session ends, even if it is in use. */
  until?: string;
  permissions?: readonly Permission[];
  /** What the console may do; absent without a session. */
  mode?: ConsoleMode;
  /** The id in the audit trail, and how the user logged in. */
  id?: string;
  by?: "token" | "string" | "oidc";
  /** Whether new tokens and approvals need no further confirmation. */
  confirmed?: boolean;
  /** The version of wsctl, and of its protocol. */
  version?: string;
  protocol_version?: number;
}

export function showLogin({
  c,
  authenticator,
  logins: sessions,
  cookies,
  oidc,
  mode,
  address,
  now,
}: ConsoleContext): Response {
  const secret = cookies.login(c);
  const found = secret === undefined ? undefined : authenticator.findLogin(secret, address);
  const view: LoginView = { logged_in: found !== undefined, oidc: oidc !== undefined };
  if (found === undefined) return c.json(view);
  const { token, login } = found;
  const { holder: subject } = login;
  view.name =
    subject.kind === "person" ? subject.person.name : (token.name ?? `token ${token.tokenId}`);
  view.role = token.role;
  view.until = timestamp(sessions.expiry(login));
  view.permissions = permissionsOf(token.role);
  view.mode = mode;
  view.id = token.tokenId;
  view.by = formatLoginKind(subject);
  view.confirmed = sessions.isConfirmed(login, now);
  view.version = version;
  view.protocol_version = protocolVersion;
  return c.json(view);
}

function formatLoginKind(subject: LoginSubject): LoginView["by"] & string {
  if (subject.kind === "person") return "oidc";
  return subject.isOneTime ? "string" : "token";
}

/**
 * Reads the token or the login string from the body of a login.
 *
 * @throws {WsctlError} MALFORMED
 */
export async function readLoginToken(c: Context): Promise<string> {
  return parseBody(await readText(c), TokenBody).token;
}

/**
 * Responds 204 and sets the cookie.
 *
 * @throws {WsctlError} FORBIDDEN
 */
export async function logIn(context: ConsoleContext): Promise<Response> {
  const { c, authenticator, refusals: refusalLog, address } = context;
  let token: StoredToken | undefined;
  let isOneTime = false;
  try {
    requireSameOrigin(context);
    const text = await readLoginToken(c);
    isOneTime = isLoginString(text);
    token = isOneTime
      ? redeemLogin(context, text)
      : authenticator.identify({ authorization: `Bearer ${text}`, address, purpose: "call" });
    // Tokens of agents and join tokens give no access to the console.
    if (!permits(token.role, "self.read") || token.state !== "active") {
      throw new WsctlError("FORBIDDEN", consoleRoles);
    }
  } catch (error) {
    if (!(error instanceof WsctlError) || error instanceof TooManyFailures) throw error;
    const who = token === undefined ? {} : describeActor(token);
    refusalLog.record({ ...who, address, code: error.code, action: loginAction });
    throw error;
  }
  const { tokenId } = token;
  const mark = credentialFingerprint(token);
  const subject = { kind: "token", tokenId, mark, isOneTime } as const;
  try {
    startSession(context, subject, token, { token_id: tokenId });
  } catch (error) {
    // The token was made for this session alone.
    if (isOneTime) context.revocations.revoke(tokenId);
    throw error;
  }
  return c.body(null, 204);
}

/** Responds 204, also without a session. */
export function logOut(context: ConsoleContext): Response {
  const { c, authenticator, logins: sessions, cookies, audit, address, log } = context;
  requireSameOrigin(context);
  const secret = cookies.login(c);
  const found = secret === undefined ? undefined : authenticator.findLogin(secret, address);
  cookies.dropLogin(c);
  if (secret === undefined || found === undefined) return c.body(null, 204);
  sessions.end(secret);
  const actor = describeActor(found.token);
  try {
    audit.write({ action: "console.logout", outcome: "accepted", ...actor, address });
  } catch (error) {
    // A logout succeeds even if it cannot be recorded.
    log.error(`Cannot record a logout: ${errorText(error)}`);
  }
  return c.body(null, 204);
}
