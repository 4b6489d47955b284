/** Confirms a session: the user proves again who they are, before new tokens and approvals. */
import { WsctlError } from "../../protocol/errors.ts";
import { TooManyFailures } from "../auth/failedAttempts.ts";
import { type ConsoleContext, requireSameOrigin } from "./consoleContext.ts";
import { readLoginToken } from "./tokenLogin.ts";

const confirmAction = "console.confirm";

/**
 * Responds 204. The token must be the one of the session.
 *
 * @throws {WsctlError} UNAUTHORIZED, FORBIDDEN
 */
export async function confirmLogin(context: ConsoleContext): Promise<Response> {
  const { c, authenticator, logins, cookies, refusals, audit, address, now } = context;
  requireSameOrigin(context);
  const secret = cookies.login(c);
  const token = await readLoginToken(c);
  const found = secret === undefined ? undefined : authenticator.findLogin(secret, address);
  if (secret === undefined || found === undefined) {
    throw new WsctlError("UNAUTHORIZED", "Cannot confirm: the session has ended. Log in again");
  }
  const { tokenId: actor, role } = found.token;
  try {
    const { holder } = found.login;
    if (holder.kind === "person" || holder.isOneTime) {
      throw new WsctlError("FORBIDDEN", "Cannot confirm with a token: log out and log in again");
    }
    const authorization = `Bearer ${token}`;
    const proven = authenticator.identify({ authorization, address, purpose: "call" });
    if (proven.tokenId !== actor) {
      throw new WsctlError("FORBIDDEN", "Cannot confirm: the session belongs to another token");
    }
  } catch (error) {
    if (error instanceof WsctlError && !(error instanceof TooManyFailures)) {
      refusals.record({ actor, role, address, code: error.code, action: confirmAction });
    }
    throw error;
  }
  audit.write({ action: confirmAction, outcome: "accepted", actor, role, address });
  logins.confirm(secret, now);
  return c.body(null, 204);
}
