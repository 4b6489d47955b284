/** Logs in with a login string, which is spent for a token as `wsctl login STRING` does. */
import { parseLogin } from "../../protocol/api/joinString.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { describeActor } from "../api/actor.ts";
import { exchangeLogin } from "../auth/bearerTokens.ts";
import { TooManyFailures } from "../auth/failedAttempts.ts";
import { permits } from "../auth/permissions.ts";
import { auditUnavailable } from "../core/rejections.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import type { ConsoleContext } from "./consoleContext.ts";

/** The role that the console needs at least, for errors. */
export const consoleRoles = "The console needs a token of the role admin, operator or viewer";

export function isLoginString(text: string): boolean {
  return /^ws[lj]1\./.test(text);
}

/**
 * Returns the token that the string was exchanged for. Only its session uses it: no person gets its
 * secret.
 *
 * @throws {WsctlError} MALFORMED, UNAUTHORIZED, FORBIDDEN or RATE_LIMITED
 */
export function redeemLogin(context: ConsoleContext, text: string): StoredToken {
  const { tokens, revocations, audit, address, now } = context;
  const login = identifyLogin(context, readSecret(text));
  const { login: request } = login;
  if (request === undefined || !permits(request.role, "self.read")) {
    throw new WsctlError("FORBIDDEN", consoleRoles);
  }
  const made = exchangeLogin(tokens, login, now);
  if (made === undefined) throw spent();
  const { token } = made;
  revocations.arm();
  try {
    const resource = { new_token_id: token.tokenId, role: token.role };
    const by = { ...describeActor(login), address, resource };
    audit.write({ action: "token.login", outcome: "accepted", ...by });
  } catch (error) {
    revocations.revoke(token.tokenId);
    throw auditUnavailable(error);
  }
  return token;
}

function readSecret(text: string): string {
  try {
    return parseLogin(text).token;
  } catch (error) {
    throw new WsctlError("MALFORMED", errorText(error));
  }
}

function identifyLogin({ authenticator, address }: ConsoleContext, secret: string): StoredToken {
  const authorization = `Bearer ${secret}`;
  try {
    return authenticator.identify({ authorization, address, purpose: "call" });
  } catch (error) {
    if (error instanceof TooManyFailures || !(error instanceof WsctlError)) throw error;
    throw error.code === "UNAUTHORIZED" ? spent() : error;
  }
}

function spent(): WsctlError {
  const reason = "it was used or revoked, or has expired";
  const advice = 'Create another with "wsctl tokens create --login"';
  return new WsctlError("UNAUTHORIZED", `Cannot use the login string: ${reason}. ${advice}`);
}
