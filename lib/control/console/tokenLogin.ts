/** Who is logged in, and logging in with a token and out again. */
import * as v from "valibot";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { parseBody, readText } from "../api/route.ts";
import { onBehalf } from "../auth/credentialFingerprint.ts";
import { TooManyFailures } from "../auth/failedAttempts.ts";
import { permits } from "../auth/permissions.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { letIn, loginAction, requireOwnPage, type Visit } from "./consoleContext.ts";

const tokenCharsMax = 256;

const TokenBody = v.strictObject({
  token: v.pipe(v.string(), v.maxLength(tokenCharsMax, "is too long for a token")),
});

/** `GET /console/login`: for whoever asks without being logged in too. */
export interface LoginView {
  logged_in: boolean;
  /** Whether an OpenID provider logs people in. */
  oidc: boolean;
  name?: string;
  role?: string;
  /** When the login ends, however much it is used. */
  until?: string;
}

export function showLogin({ c, access, logins, cookies, oidc, address }: Visit): Response {
  const secret = cookies.login(c);
  const found = secret === undefined ? undefined : access.loggedIn(secret, address);
  const view: LoginView = { logged_in: found !== undefined, oidc: oidc !== undefined };
  if (found === undefined) return c.json(view);
  const { token, login } = found;
  const { holder } = login;
  view.name = holder.kind === "person" ? holder.person.name : `token ${token.tokenId}`;
  view.role = token.role;
  view.until = timestamp(logins.endOf(login));
  return c.json(view);
}

/** 204 with the cookie. */
export async function logIn(visit: Visit): Promise<Response> {
  const { c, access, refusals, address } = visit;
  let token: StoredToken | undefined;
  try {
    requireOwnPage(visit);
    const { token: text } = parseBody(await readText(c), TokenBody);
    token = access.identify({ authorization: `Bearer ${text}`, address, purpose: "call" });
    // What an agent or a host that joins has is nobody's to look around with.
    if (!permits(token.role, "self.read") || token.state !== "active") {
      const text = "the console takes a token of the role admin, operator or viewer";
      throw new WsctlError("FORBIDDEN", text);
    }
  } catch (error) {
    if (!(error instanceof WsctlError) || error instanceof TooManyFailures) throw error;
    const who = token === undefined ? {} : { actor: token.tokenId, role: token.role };
    refusals.record({ ...who, address, code: error.code, action: loginAction });
    throw error;
  }
  const { tokenId } = token;
  letIn(visit, { kind: "token", tokenId, mark: onBehalf(token) }, token, { token_id: tokenId });
  return c.body(null, 204);
}

/** 204, also for whoever was not logged in: there is no login left either way. */
export function logOut(visit: Visit): Response {
  const { c, access, logins, cookies, audit, address, log, now } = visit;
  requireOwnPage(visit);
  const secret = cookies.login(c);
  const found = secret === undefined ? undefined : access.loggedIn(secret, address);
  cookies.dropLogin(c);
  if (secret === undefined || found === undefined) return c.body(null, 204);
  logins.end(secret);
  const { tokenId: actor, role } = found.token;
  try {
    audit.write({ action: "console.logout", outcome: "accepted", actor, role, address }, now);
  } catch (error) {
    // Whoever wants out is let out.
    log.error(`Cannot record a logout: ${errorText(error)}`);
  }
  return c.body(null, 204);
}
