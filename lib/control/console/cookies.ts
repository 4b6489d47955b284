/**
 * The console's two cookies: of a login, and of one that is under way at an OpenID provider. No
 * script can read them. Browsers keep cookies by host and not by port, so the name tells control
 * planes on one host apart.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import { oidcLoginMs } from "../../protocol/limits.ts";

const idChars = 8;

export class Cookies {
  readonly #id: string;
  readonly #isSecure: boolean;

  /** `isSecure`: browsers reach this control plane by `https`. */
  constructor(controlId: string, isSecure: boolean) {
    this.#id = controlId.slice(-idChars);
    this.#isSecure = isSecure;
  }

  login(c: Context): string | undefined {
    return this.#get(c, "wsctl-login");
  }

  /** It ends with the browser; when it ends here, only we know. */
  setLogin(c: Context, secret: string): void {
    this.#set(c, "wsctl-login", secret, { sameSite: "Strict" });
  }

  dropLogin(c: Context): void {
    this.#drop(c, "wsctl-login", { sameSite: "Strict" });
  }

  loginAttempt(c: Context): string | undefined {
    return this.#get(c, "wsctl-oidc");
  }

  /** The way back from the provider is from another site: `Strict` would leave it behind. */
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
    return { httpOnly: true, path: "/", secure: this.#isSecure };
  }

  /** With `__Host-` no other host and no plain text can have set it. */
  #name(kind: string): string {
    return `${this.#isSecure ? "__Host-" : ""}${kind}-${this.#id}`;
  }
}
