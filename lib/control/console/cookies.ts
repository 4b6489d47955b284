/**
 * The console's two cookies: one for a session and one for an OpenID login in progress. Scripts
 * cannot read them. Browsers share cookies between the ports of a host, so the name contains the id
 * of the control plane. Below a path of a host, other programs of the host do not get them.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import { oidcLoginMs } from "../auth/logins/loginLimits.ts";

const idChars = 8;

export class Cookies {
  readonly #id: string;
  readonly #isSecure: boolean;
  readonly #path: string;

  /**
   * @param isSecure Whether browsers reach this control plane by `https`.
   * @param basePath The path of the console's URL, without a slash at the end.
   */
  constructor(controlId: string, isSecure: boolean, basePath: string) {
    this.#id = controlId.slice(-idChars);
    this.#isSecure = isSecure;
    this.#path = `${basePath}/`;
  }

  login(c: Context): string | undefined {
    return this.#get(c, "wsctl-login");
  }

  /** A session cookie without an expiry: the server decides when the session ends. */
  setLogin(c: Context, secret: string): void {
    this.#set(c, "wsctl-login", secret, { sameSite: "Strict" });
  }

  dropLogin(c: Context): void {
    this.#drop(c, "wsctl-login", { sameSite: "Strict" });
  }

  loginAttempt(c: Context): string | undefined {
    return this.#get(c, "wsctl-oidc");
  }

  /**
   * The redirect back from the provider comes from another site, where `Strict` cookies are not
   * sent.
   */
  setLoginAttempt(c: Context, sealed: string): void {
    this.#set(c, "wsctl-oidc", sealed, { sameSite: "Lax", maxAge: oidcLoginMs / 1000 });
  }

  dropLoginAttempt(c: Context): void {
    this.#drop(c, "wsctl-oidc", { sameSite: "Lax" });
  }

  #get(c: Context, kind: string): string | undefined {
    return getCookie(c, this.#name(kind));
  }

  #set(c: Context, kind: string, value: string, options: CookieOptions): void {
    setCookie(c, this.#name(kind), value, { ...options, ...this.#common });
  }

  #drop(c: Context, kind: string, options: CookieOptions): void {
    deleteCookie(c, this.#name(kind), { ...options, ...this.#common });
  }

  get #common(): CookieOptions {
    return { httpOnly: true, path: this.#path, secure: this.#isSecure };
  }

  /**
   * The `__Host-` prefix (RFC 6265bis) prevents other hosts and plain HTTP from setting it; it
   * requires the path "/". The `__Secure-` prefix prevents plain HTTP only.
   */
  #name(kind: string): string {
    const prefix = this.#path === "/" ? "__Host-" : "__Secure-";
    return `${this.#isSecure ? prefix : ""}${kind}-${this.#id}`;
  }
}
