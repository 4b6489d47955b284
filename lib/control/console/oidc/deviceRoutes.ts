/**
 * The routes of `wsctl login URL`: they start a login at the OpenID provider, and hand its token to
 * the client that started it. They need no token, and work without the console.
 */
import type { Context, Hono } from "hono";
import {
  type DeviceLogin,
  DeviceLoginPoll,
  deviceLoginPath,
  deviceTokenPath,
} from "../../../protocol/api/deviceLogin.ts";
import type { NewToken } from "../../../protocol/api/tokens.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { describeActor } from "../../api/actor.ts";
import { parseBody, readText } from "../../api/route.ts";
import { createPersonToken } from "../../auth/bearerTokens.ts";
import { TooManyFailures } from "../../auth/failedAttempts.ts";
import type { OidcUser } from "../../auth/oidcUser.ts";
import { auditUnavailable } from "../../core/rejections.ts";
import { tokenView } from "../../views/views.ts";
import type { ConsoleOptions } from "../console.ts";
import { LoginError, loginErrors } from "../loginError.ts";
import { DeviceLogins } from "./deviceLogins.ts";
import { recordLoginFailure } from "./recordLoginFailure.ts";

type DeviceOptions = Pick<
  ConsoleOptions,
  | "settings"
  | "provider"
  | "authenticator"
  | "refusals"
  | "audit"
  | "addresses"
  | "clock"
  | "log"
  | "tokens"
  | "revocations"
>;

/** For the table of permissions. */
export const deviceRoutes = [
  { method: "POST", path: deviceLoginPath, what: "start a login of the command line" },
  { method: "POST", path: deviceTokenPath, what: "get the token of a confirmed login" },
] as const;

const tokenLoginAction = "token.login";
const intervalSeconds = 1;
const otherWay = 'Log in with a string of "wsctl tokens create --login"';

/** @throws {WsctlError} NOT_FOUND without a provider, and UNAUTHORIZED for an unknown secret */
export function addDeviceRoutes(app: Hono, options: DeviceOptions): void {
  const { provider, clock } = options;
  const { oidc } = options.settings;
  const logins = oidc && provider && new DeviceLogins(oidc, provider, clock);
  const requireLogins = (): DeviceLogins => {
    if (logins !== undefined) return logins;
    const text = "Cannot log in at an OpenID provider: the control plane has none";
    throw new WsctlError("NOT_FOUND", `${text}. ${otherWay}`);
  };
  app.post(deviceLoginPath, async (c) => {
    const address = options.addresses.find(c);
    const found = requireLogins();
    const started = await found.begin(address).catch((error) => refuse(options, c, error));
    const { answer, secret, expiresInSeconds } = started;
    const { verification_uri, verification_uri_complete: complete, user_code } = answer;
    const body: DeviceLogin = {
      verification_uri,
      ...(complete === undefined ? {} : { verification_uri_complete: complete }),
      user_code,
      login_secret: secret,
      expires_in_seconds: expiresInSeconds,
      interval_seconds: intervalSeconds,
    };
    return c.json(body, 201);
  });
  app.post(deviceTokenPath, async (c) => {
    const found = requireLogins();
    const { login_secret: secret } = parseBody(await readText(c), DeviceLoginPoll);
    let user: OidcUser | undefined;
    try {
      user = found.take(secret);
    } catch (error) {
      return refuse(options, c, error);
    }
    if (user === undefined) return c.json({ state: "pending" }, 202);
    return c.json(makeToken(options, c, user), 201);
  });
}

/** Records the login as that of the person, under the id that the new token has from now on. */
function makeToken(options: DeviceOptions, c: Context, user: OidcUser): NewToken {
  const { tokens, revocations, settings, audit, addresses, clock } = options;
  const now = clock.wall();
  const made = createPersonToken(tokens, user, settings.oidc?.tokenLifetimeMs ?? 0, now);
  const { tokenId } = made.token;
  revocations.arm();
  const { issuer, subject, id, name, role } = user;
  try {
    const actor = describeActor({ tokenId: id, name, role });
    const resource = { new_token_id: tokenId, role, issuer, subject };
    const address = addresses.find(c);
    audit.write({ action: tokenLoginAction, outcome: "accepted", ...actor, address, resource });
  } catch (error) {
    revocations.revoke(tokenId);
    throw auditUnavailable(error);
  }
  return { ...tokenView(made.token, now), token: made.text };
}

/** Records the refusal and throws the error for the person at the command line. */
function refuse(options: DeviceOptions, c: Context, error: unknown): never {
  const { authenticator, refusals, addresses, clock, log } = options;
  const address = addresses.find(c);
  const now = clock.wall();
  if (error instanceof LoginError) {
    recordLoginFailure({ authenticator, refusals, address, log, now }, error, tokenLoginAction);
    const { code, title, advice } = loginErrors[error.code];
    const reason = title.charAt(0).toLowerCase() + title.slice(1);
    throw new WsctlError(code, `Cannot log in: ${reason}. ${advice}`);
  }
  if (error instanceof WsctlError && error.code === "UNAUTHORIZED") {
    // A guess counts as a failed attempt; the error says more than that of a wrong token.
    const retrySeconds = authenticator.failures.failed(address, now);
    if (retrySeconds !== undefined) throw new TooManyFailures(retrySeconds);
    refusals.record({ address, code: error.code, action: tokenLoginAction });
  }
  throw error;
}
