/** Logging in at an OpenID provider: sent there, and back with what it says. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { errorCodes, WsctlError } from "../../../protocol/errors.ts";
import type { Access } from "../../auth/authenticator.ts";
import { TooManyFailures } from "../../auth/failedAttempts.ts";
import { letIn, loginAction, type Visit } from "../consoleContext.ts";
import { faultPage } from "../errorPage.ts";
import { LoginFault, loginFaults } from "../loginError.ts";
import type { Oidc } from "./oidcFlow.ts";

export const oidcPath = "/console/oidc";
export const oidcBackPath = `${oidcPath}/callback`;

/** To the provider; before that to the console's one address, which the provider knows. */
export async function beginAtProvider(visit: Visit): Promise<Response> {
  const { c, cookies, consoleUrl, now } = visit;
  const oidc = requireOidc(visit);
  const isElsewhere = c.req.header("host")?.toLowerCase() !== new URL(consoleUrl).host;
  // Once: a proxy may call us by another name than browsers call it.
  if (isElsewhere && c.req.query("from") === undefined) {
    return c.redirect(`${consoleUrl}${oidcPath}?from=elsewhere`);
  }
  try {
    const { url, sealed } = await oidc.begin(now);
    cookies.setUnderWay(c, sealed);
    return c.redirect(url);
  } catch (error) {
    return refused(visit, error);
  }
}

export async function comeBack(visit: Visit): Promise<Response> {
  const { c, cookies, now } = visit;
  const oidc = requireOidc(visit);
  const sealed = cookies.underWay(c);
  cookies.dropUnderWay(c);
  try {
    const person = await oidc.finish(new URL(c.req.url).search, sealed, now);
    const { issuer, subject, name, id: tokenId, role } = person;
    letIn(visit, { kind: "person", person }, { tokenId, role }, { issuer, subject, name });
    return c.redirect("/");
  } catch (error) {
    return refused(visit, error);
  }
}

/** A page that says why, and a record of it. */
function refused(visit: Visit, error: unknown): Response {
  if (!(error instanceof LoginFault)) throw error;
  const { c, access, refusals, address, log, now } = visit;
  const { code } = loginFaults[error.kind];
  const isTheirs = error.kind !== "unreachable";
  // Also where the provider is to blame: whoever asks again and again fills the log and its room.
  if (error.kind !== "unmapped") countFailure(access, address, now);
  log.warn(`nobody was logged in by the OpenID provider: ${error.message}`, {
    address,
    ...(error.who === undefined ? {} : { subject: error.who.subject }),
  });
  if (isTheirs) {
    const actor = error.who && `${error.who.issuer}#${error.who.subject}`;
    const who = actor === undefined ? {} : { actor };
    refusals.record({ ...who, address, code, action: loginAction });
  }
  return c.html(faultPage(error), errorCodes[code].http as ContentfulStatusCode);
}

function countFailure({ failures }: Access, address: string, now: number): void {
  const retrySeconds = failures.failed(address, now);
  if (retrySeconds !== undefined) throw new TooManyFailures(retrySeconds);
}

function requireOidc({ oidc }: Visit): Oidc {
  if (oidc !== undefined) return oidc;
  const text = "no OpenID provider is named: wsctl serve --oidc-issuer does it";
  throw new WsctlError("NOT_FOUND", text);
}
