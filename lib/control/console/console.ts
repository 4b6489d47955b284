/**
 * The console's own routes: the page, its files, login and logout. The page does everything else by
 * the API with a session cookie, which has the permissions of its token or user.
 */
import { gzipSync } from "node:zlib";
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Log } from "../../log/log.ts";
import { basePath } from "../../protocol/api/serverAddress.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { PublicAddress } from "../api/publicAddress.ts";
import { type Route, readsOnly } from "../api/route.ts";
import type { RefusalLog } from "../audit/auditRequest.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { ClientAddresses } from "../auth/clientAddress.ts";
import type { LoginSessions, SessionLimits } from "../auth/logins/loginSessions.ts";
import type { Revocations } from "../auth/revocation.ts";
import type { AuditTrail } from "../journal/auditTrail.ts";
import type { TokenTable } from "../journal/tables/tokenTable.ts";
import { type Asset, assets } from "./assets.ts";
import { confirmLogin } from "./confirmLogin.ts";
import { type ConsoleContext, type ConsoleMode, requireSameOrigin } from "./consoleContext.ts";
import { Cookies } from "./cookies.ts";
import { OidcFlow } from "./oidc/oidcFlow.ts";
import type { OidcProvider } from "./oidc/oidcProvider.ts";
import { finishLogin, oidcCallbackPath, oidcPath, startLogin } from "./oidc/oidcRoutes.ts";
import type { OidcSettings } from "./oidc/settings.ts";
import { isSameOrigin, readOrigin } from "./sameOrigin.ts";
import { protectPage } from "./securityHeaders.ts";
import { logIn, logOut, showLogin } from "./tokenLogin.ts";

export interface ConsoleSettings extends SessionLimits {
  /** What sessions may do; without a page and sessions if off. */
  mode: ConsoleMode | "off";
  /**
   * The public URL of the console, `https://HOST[:PORT][/PATH]`, if it differs from that of the
   * control plane.
   */
  url?: string;
  oidc?: OidcSettings;
}

export interface ConsoleOptions {
  settings: ConsoleSettings;
  logins: LoginSessions;
  authenticator: Authenticator;
  refusals: RefusalLog;
  audit: AuditTrail;
  tokens: TokenTable;
  revocations: Revocations;
  /** Whether this control plane terminates TLS itself. */
  isTls: boolean;
  publicAddress: () => PublicAddress;
  addresses: ClientAddresses;
  /** Absent if no OpenID provider is configured. */
  provider: OidcProvider | undefined;
  clock: Clock;
  log: Log;
}

export interface ConsoleRoute {
  method: "GET" | "POST";
  path: string;
  /** A description for the table of permissions. These routes need no authentication. */
  what: string;
  handle(context: ConsoleContext): Response | Promise<Response>;
}

const pages: ConsoleRoute[] = assets.map(({ path, type, text }) => ({
  method: "GET",
  path,
  what: "file of the page",
  handle: ({ c }) => sendFile(c, { path, type, text }),
}));

const compressed = new Map<string, Uint8Array<ArrayBuffer>>();

/** Files are compressed once, when the first browser asks for them. */
function sendFile(c: Context, { path, type, text }: Asset): Response {
  c.header("Content-Type", type);
  c.header("Vary", "Accept-Encoding");
  if (!/\bgzip\b/.test(c.req.header("accept-encoding") ?? "")) return c.body(text);
  const bytes = compressed.get(path) ?? new Uint8Array(gzipSync(text, { level: 9 }));
  compressed.set(path, bytes);
  c.header("Content-Encoding", "gzip");
  return c.body(bytes);
}

export const consoleRoutes: readonly ConsoleRoute[] = [
  ...pages,
  { method: "GET", path: "/console/login", what: "current user", handle: showLogin },
  {
    method: "POST",
    path: "/console/login",
    what: "log in with a token or a login string",
    handle: logIn,
  },
  { method: "POST", path: "/console/confirm", what: "confirm the login", handle: confirmLogin },
  { method: "POST", path: "/console/logout", what: "log out", handle: logOut },
  { method: "GET", path: oidcPath, what: "redirect to the OpenID provider", handle: startLogin },
  {
    method: "GET",
    path: oidcCallbackPath,
    what: "redirect back from the OpenID provider",
    handle: finishLogin,
  },
];

/** A token plus the JSON around it. */
const bodyBytesMax = 4 * 1024;

export class Console {
  readonly #options: ConsoleOptions;
  readonly #cookies: Cookies;
  readonly #oidc: OidcFlow | undefined;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    const { settings, authenticator, isTls, provider } = options;
    const isSecure = isTls || settings.url?.startsWith("https:") === true;
    this.#cookies = new Cookies(
      authenticator.controlId,
      isSecure,
      settings.url === undefined ? "" : basePath(settings.url),
    );
    const { oidc } = settings;
    const back = () => this.#url + oidcCallbackPath;
    this.#oidc = oidc && provider && new OidcFlow(oidc, provider, back);
  }

  get #url(): string {
    return this.#options.settings.url ?? this.#options.publicAddress().url;
  }

  /** @throws {WsctlError} TOO_LARGE */
  addTo(app: Hono): void {
    const { addresses, clock, settings, ...shared } = this.#options;
    const { mode } = settings;
    if (mode === "off") return;
    const onError = () => {
      throw new WsctlError("TOO_LARGE", `Body is over ${bodyBytesMax} bytes`);
    };
    app.use("/console/*", bodyLimit({ maxSize: bodyBytesMax, onError }));
    for (const route of consoleRoutes) {
      app.on(route.method, route.path, async (c) => {
        protectPage(c);
        return route.handle({
          ...shared,
          ...{ c, mode },
          cookies: this.#cookies,
          oidc: this.#oidc,
          consoleUrl: this.#url,
          address: addresses.find(c),
          now: clock.wall(),
        });
      });
    }
  }

  /**
   * Whether a page of this origin calls a route of the console, or the API or the address of a file
   * with a session.
   */
  isSameOrigin(c: Context): boolean {
    const { method, path } = c.req;
    const isOurs = consoleRoutes.some((route) => route.method === method && route.path === path);
    const isCall =
      this.#mayAct && /^\/(?:api|artifacts)\//.test(path) && this.#secret(c) !== undefined;
    return (isOurs || isCall) && isSameOrigin(readOrigin(c), this.#url);
  }

  /**
   * Returns the session secret of an API request; undefined if it has an Authorization header or no
   * cookie.
   *
   * @throws {WsctlError} FORBIDDEN if a session may not call the route
   */
  findLogin(c: Context, route: Route): string | undefined {
    const secret = this.#secret(c);
    if (secret === undefined) return undefined;
    const site = c.req.header("sec-fetch-site");
    if (site !== undefined && site !== "same-origin" && site !== "none") {
      throw new WsctlError("FORBIDDEN", "Cross-origin requests may not use a console session");
    }
    if (readsOnly(route)) return secret;
    if (!this.#mayAct || route.notInConsole) {
      const why = this.#mayAct ? "may not call this route" : "are read-only";
      const text = `Console sessions ${why}. Send a token in the Authorization header`;
      throw new WsctlError("FORBIDDEN", text);
    }
    if (route.method !== "GET" || route.acts) requireSameOrigin({ c, consoleUrl: this.#url });
    if (route.needsConfirmation) this.#requireConfirmed(secret);
    return secret;
  }

  get #mayAct(): boolean {
    return this.#options.settings.mode === "full";
  }

  /** The session secret, unless the request has credentials of its own. */
  #secret(c: Context): string | undefined {
    return c.req.header("authorization") === undefined ? this.#cookies.login(c) : undefined;
  }

  /** A session that does not exist is refused later, when its token is looked for. */
  #requireConfirmed(secret: string): void {
    const { logins, clock } = this.#options;
    const login = logins.peek(secret, clock.wall());
    if (login === undefined || logins.isConfirmed(login, clock.wall())) return;
    const text = "Confirm the login first: enter its token again, or log in again";
    throw new WsctlError("FORBIDDEN", text);
  }
}
