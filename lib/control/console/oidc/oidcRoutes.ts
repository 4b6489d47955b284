/** Logging in at an OpenID provider: sent there, and back with what it says. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { errorCodes, WsctlError } from "../../../protocol/errors.ts";
import type { Authenticator } from "../../auth/authenticator.ts";
import { TooManyFailures } from "../../auth/failedAttempts.ts";
import { type ConsoleContext, loginAction, startSession } from "../consoleContext.ts";
import { errorPage } from "../errorPage.ts";
import { LoginError, loginErrors } from "../loginError.ts";
import type { OidcFlow } from "./oidcFlow.ts";

export const oidcPath = "/console/oidc";
export const oidcCallbackPath = `${oidcPath}/callback`;

/** To the provider; before that to the console's one address, which the provider knows. */
export async function startLogin(context: ConsoleContext): Promise<Response> {
  const { c, cookies, consoleUrl, now } = context;
  const oidc = requireOidc(context);
  const isElsewhere = c.req.header("host")?.toLowerCase() !== new URL(consoleUrl).host;
  // Once: a proxy may call us by another name than browsers call it.
  if (isElsewhere && c.req.query("from") === undefined) {
    return c.redirect(`${consoleUrl}${oidcPath}?from=elsewhere`);
  }
  try {
    const { url, sealed } = await oidc.begin(now);
    cookies.setLoginAttempt(c, sealed);
    return c.redirect(url);
  } catch (error) {
    return refusedPage(context, error);
  }
}

export async function finishLogin(context: ConsoleContext): Promise<Response> {
  const { c, cookies, now } = context;
  const oidc = requireOidc(context);
  const sealed = cookies.loginAttempt(c);
  cookies.dropLoginAttempt(c);
  try {
    const person = await oidc.finish(new URL(c.req.url).search, sealed, now);
    const { issuer, subject, name, id: tokenId, role } = person;
    startSession(context, { kind: "person", person }, { tokenId, role }, { issuer, subject, name });
    return c.redirect("/");
  } catch (error) {
    return refusedPage(context, error);
  }
}

/** A page that says why, and a record of it. */
function refusedPage(context: ConsoleContext, error: unknown): Response {
  if (!(error instanceof LoginError)) throw error;
  const { c, authenticator, refusals: refusalLog, address, log, now } = context;
  const { code } = loginErrors[error.code];
  const isTheirs = error.code !== "unreachable";
  // Also where the provider is to blame: whoever asks again and again fills the log and its room.
  if (error.code !== "unmapped") countFailure(authenticator, address, now);
  log.warn(`nobody was logged in by the OpenID provider: ${error.message}`, {
    address,
    ...(error.subject === undefined ? {} : { subject: error.subject.subject }),
  });
  if (isTheirs) {
    const actor = error.subject && `${error.subject.issuer}#${error.subject.subject}`;
    const who = actor === undefined ? {} : { actor };
    refusalLog.record({ ...who, address, code, action: loginAction });
  }
  return c.html(errorPage(error), errorCodes[code].http as ContentfulStatusCode);
}

function countFailure({ failures }: Authenticator, address: string, now: number): void {
  const retrySeconds = failures.failed(address, now);
  if (retrySeconds !== undefined) throw new TooManyFailures(retrySeconds);
}

function requireOidc({ oidc }: ConsoleContext): OidcFlow {
  if (oidc !== undefined) return oidc;
  const text = "no OpenID provider is named: wsctl serve --oidc-issuer does it";
  throw new WsctlError("NOT_FOUND", text);
}
