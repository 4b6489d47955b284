/** The routes of an OpenID login: the redirect to the provider and the callback. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { basePath } from "../../../protocol/api/serverAddress.ts";
import { errorCodes, WsctlError } from "../../../protocol/errors.ts";
import { type ConsoleContext, loginAction, startSession } from "../consoleContext.ts";
import { errorPage } from "../errorPage.ts";
import { LoginError, loginErrors } from "../loginError.ts";
import type { OidcFlow } from "./oidcFlow.ts";
import { recordLoginFailure } from "./recordLoginFailure.ts";

export const oidcPath = "/console/oidc";
export const oidcCallbackPath = `${oidcPath}/callback`;

/**
 * Redirects to the provider. If the console was opened at another address, it redirects to the
 * registered one first.
 */
export async function startLogin(context: ConsoleContext): Promise<Response> {
  const { c, cookies, consoleUrl, now } = context;
  const oidc = requireOidc(context);
  const isElsewhere = c.req.header("host")?.toLowerCase() !== new URL(consoleUrl).host;
  // At most once, because a proxy may use another host name than the browser.
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
  const { c, cookies, consoleUrl, now } = context;
  const oidc = requireOidc(context);
  const sealed = cookies.loginAttempt(c);
  cookies.dropLoginAttempt(c);
  try {
    const person = await oidc.finish(new URL(c.req.url).search, sealed, now);
    const { issuer, subject, name, id: tokenId, role } = person;
    startSession(context, { kind: "person", person }, { tokenId, role }, { issuer, subject, name });
    return c.redirect(`${basePath(consoleUrl)}/`);
  } catch (error) {
    return refusedPage(context, error);
  }
}

/** Responds with the error page and records the failure. */
function refusedPage(context: ConsoleContext, error: unknown): Response {
  if (!(error instanceof LoginError)) throw error;
  const { c, consoleUrl } = context;
  recordLoginFailure(context, error, loginAction);
  const { code } = loginErrors[error.code];
  return c.html(
    errorPage(error, basePath(consoleUrl)),
    errorCodes[code].http as ContentfulStatusCode,
  );
}

function requireOidc({ oidc }: ConsoleContext): OidcFlow {
  if (oidc !== undefined) return oidc;
  const text = "No OpenID provider is configured. Set one with wsctl serve --oidc-issuer";
  throw new WsctlError("NOT_FOUND", text);
}
