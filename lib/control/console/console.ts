/**
 * The console's own addresses: the page and what it is made of, and how somebody logs in and out.
 * All else that it shows comes from the API, by the cookie of a login, which reads and no more.
 */
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Log } from "../../log/log.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { AuditTrail } from "../../store/auditTrail.ts";
import type { Clock } from "../../time/clock.ts";
import type { PublicAddress } from "../api/publicAddress.ts";
import { type Route, readsOnly } from "../api/route.ts";
import type { RefusalLog } from "../audit/auditRequest.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { LoginSessions, SessionLimits } from "../auth/loginSessions.ts";
import { assets } from "./assets.ts";
import type { ConsoleContext } from "./consoleContext.ts";
import { Cookies } from "./cookies.ts";
import { OidcFlow } from "./oidc/oidcFlow.ts";
import { finishLogin, oidcCallbackPath, oidcPath, startLogin } from "./oidc/oidcRoutes.ts";
import type { OidcSettings } from "./oidc/settings.ts";
import { isSameOrigin, readOrigin } from "./sameOrigin.ts";
import { protectPage } from "./securityHeaders.ts";
import { logIn, logOut, showLogin } from "./tokenLogin.ts";

export interface ConsoleSettings extends SessionLimits {
  /** Where browsers find it, `https://HOST[:PORT]`, where that is not this control plane's own. */
  url?: string;
  oidc?: OidcSettings;
}

export interface ConsoleOptions {
  settings: ConsoleSettings;
  logins: LoginSessions;
  authenticator: Authenticator;
  refusals: RefusalLog;
  audit: AuditTrail;
  /** Whether this control plane itself speaks TLS. */
  isTls: boolean;
  publicAddress: () => PublicAddress;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

export interface ConsoleRoute {
  method: "GET" | "POST";
  path: string;
  /** What it is, for the page of permissions. Each is open to whoever knows the address. */
  what: string;
  handle(context: ConsoleContext): Response | Promise<Response>;
}

const pages: ConsoleRoute[] = assets.map(({ path, type, text }) => ({
  method: "GET",
  path,
  what: "a file of the page",
  handle: ({ c }) => c.body(text, 200, { "Content-Type": type }),
}));

export const consoleRoutes: readonly ConsoleRoute[] = [
  ...pages,
  { method: "GET", path: "/console/login", what: "who is logged in", handle: showLogin },
  { method: "POST", path: "/console/login", what: "log in with a token", handle: logIn },
  { method: "POST", path: "/console/logout", what: "log out", handle: logOut },
  { method: "GET", path: oidcPath, what: "to the OpenID provider", handle: startLogin },
  { method: "GET", path: oidcCallbackPath, what: "back from it", handle: finishLogin },
];

/** A token, with room for JSON around it. */
const bodyBytesMax = 4 * 1024;

export class Console {
  readonly #options: ConsoleOptions;
  readonly #cookies: Cookies;
  readonly #oidc: OidcFlow | undefined;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    const { settings, authenticator, isTls, runtime } = options;
    const isSecure = isTls || settings.url?.startsWith("https:") === true;
    this.#cookies = new Cookies(authenticator.controlId, isSecure);
    const { oidc } = settings;
    const back = () => this.#url + oidcCallbackPath;
    this.#oidc = oidc && new OidcFlow(oidc, runtime.fetchWith(oidc.ca), back);
  }

  get #url(): string {
    return this.#options.settings.url ?? this.#options.publicAddress().url;
  }

  addTo(app: Hono): void {
    const { runtime, clock, ...shared } = this.#options;
    const onError = () => {
      throw new WsctlError("TOO_LARGE", `the body is over ${bodyBytesMax} bytes`);
    };
    app.use("/console/*", bodyLimit({ maxSize: bodyBytesMax, onError }));
    for (const route of consoleRoutes) {
      app.on(route.method, route.path, async (c) => {
        protectPage(c);
        return route.handle({
          ...shared,
          c,
          cookies: this.#cookies,
          oidc: this.#oidc,
          consoleUrl: this.#url,
          address: runtime.remoteAddress(c),
          now: clock.wall(),
        });
      });
    }
  }

  /** Whether a page of ours asks one of the console's own addresses; it has its modules so too. */
  isSameOrigin(c: Context): boolean {
    const { method, path } = c.req;
    const isOurs = consoleRoutes.some((route) => route.method === method && route.path === path);
    return isOurs && isSameOrigin(readOrigin(c), this.#url);
  }

  /**
   * The secret of the login that a request to the API comes with; undefined where it has a header
   * instead, or nothing. Throws `FORBIDDEN` for whatever a login may not ask.
   */
  findLogin(c: Context, route: Route): string | undefined {
    const secret = this.#cookies.login(c);
    if (secret === undefined || c.req.header("authorization") !== undefined) return undefined;
    const site = c.req.header("sec-fetch-site");
    if (site !== undefined && site !== "same-origin" && site !== "none") {
      throw new WsctlError("FORBIDDEN", "another site's page may not use a login of the console");
    }
    if (readsOnly(route)) return secret;
    const text = "a login of the console only looks on: this asks for a token in its header";
    throw new WsctlError("FORBIDDEN", text);
  }
}
