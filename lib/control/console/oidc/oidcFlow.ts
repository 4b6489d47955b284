/**
 * The OpenID Connect authorization code flow with PKCE (RFC 7636), state and nonce. A login must
 * return in the browser that started it, and only once.
 */
import * as v from "valibot";
import {
  oidcConcurrentRequestsMax,
  oidcLoginMs,
  oidcUsedStatesMax,
} from "../../../protocol/limits.ts";
import { Nonces } from "../../auth/nonces.ts";
import { claimValues, findRole, type OidcUser } from "../../auth/oidcUser.ts";
import { LoginError } from "../loginError.ts";
import { type DiscoveredProvider, OidcProvider, toLoginError } from "./oidcProvider.ts";
import { SealedState } from "./sealedState.ts";
import type { OidcSettings } from "./settings.ts";

const LoginAttempt = v.object({ state: v.string(), nonce: v.string(), verifier: v.string() });
type LoginAttempt = v.InferOutput<typeof LoginAttempt>;

type Claims = Readonly<Record<string, unknown>>;

const subjectCharsMax = 255;
const nameCharsMax = 128;

export class OidcFlow {
  readonly #settings: OidcSettings;
  readonly #redirectUrl: () => string;
  readonly #provider: OidcProvider;
  readonly #states = new Nonces(oidcLoginMs, oidcUsedStatesMax);
  readonly #sealed = new SealedState();
  #asking = 0;

  /** @param redirectUrl The URL to which the provider redirects browsers. */
  constructor(settings: OidcSettings, fetchIt: typeof fetch, redirectUrl: () => string) {
    this.#settings = settings;
    this.#redirectUrl = redirectUrl;
    this.#provider = new OidcProvider(settings, fetchIt);
  }

  /**
   * Returns the URL of the provider and the sealed state for the browser's cookie. Throws
   * `LoginError`.
   */
  async begin(now: number): Promise<{ url: string; sealed: string }> {
    const { lib, configuration } = await this.#provider.find(now);
    const state = this.#states.make(now);
    const nonce = lib.randomNonce();
    const verifier = lib.randomPKCECodeVerifier();
    const url = lib.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUrl(),
      scope: this.#settings.scope,
      code_challenge: await lib.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...{ state, nonce },
    });
    return { url: url.href, sealed: await this.#sealed.seal({ state, nonce, verifier }) };
  }

  /** Returns the user who came back with this query (`?…`). Throws `LoginError`. */
  async finish(query: string, sealed: string | undefined, now: number): Promise<OidcUser> {
    const underWay = await this.#openAttempt(query, sealed, now);
    if (this.#asking >= oidcConcurrentRequestsMax) {
      throw new LoginError("unreachable", `${oidcConcurrentRequestsMax} logins are in progress`);
    }
    this.#asking++;
    try {
      const found = await this.#provider.find(now);
      return this.#buildUser(await this.#claims(found, query, underWay));
    } finally {
      this.#asking--;
    }
  }

  async #openAttempt(
    query: string,
    sealed: string | undefined,
    now: number,
  ): Promise<LoginAttempt> {
    const opened = v.safeParse(LoginAttempt, await this.#sealed.open(sealed ?? ""));
    const kept = opened.success ? opened.output : undefined;
    const brought = new URLSearchParams(query).getAll("state");
    const isSame = brought.length === 1 && brought[0] === kept?.state;
    if (kept === undefined || !isSame || !this.#states.isGood(kept.state, now)) {
      throw new LoginError("stale", "state does not match the one of this browser");
    }
    // Used up even if the login fails, so that the redirect cannot be replayed.
    this.#states.use(kept.state, now);
    return kept;
  }

  async #claims(found: DiscoveredProvider, query: string, underWay: LoginAttempt): Promise<Claims> {
    const { lib, configuration } = found;
    try {
      const url = new URL(this.#redirectUrl() + query);
      const answer = await lib.authorizationCodeGrant(configuration, url, {
        expectedState: underWay.state,
        expectedNonce: underWay.nonce,
        pkceCodeVerifier: underWay.verifier,
      });
      const claims: Claims = answer.claims() ?? {};
      const isThere = claimValues(claims, this.#settings.roleClaim).length > 0;
      if (isThere || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
      // Many providers return groups only from the userinfo endpoint.
      const subject = String(claims.sub);
      const told = await lib.fetchUserInfo(configuration, answer.access_token, subject);
      return { ...told, ...claims };
    } catch (error) {
      throw toLoginError(lib, error);
    }
  }

  #buildUser(claims: Claims): OidcUser {
    const { issuer, roleClaim, grants } = this.#settings;
    const subject = String(claims.sub);
    if (subject.length > subjectCharsMax) {
      throw new LoginError("invalid", `subject is over ${subjectCharsMax} characters`);
    }
    const who = { issuer: String(claims.iss ?? issuer), subject };
    const role = findRole(claimValues(claims, roleClaim), grants);
    if (role === undefined) {
      throw new LoginError("unmapped", `no value of "${roleClaim}" grants a role`, {
        subject: who,
      });
    }
    const called = [claims.preferred_username, claims.email, claims.name];
    const name = called.find((value) => typeof value === "string") ?? subject;
    const id = `${who.issuer}#${subject}`;
    return { ...who, id, name: name.slice(0, nameCharsMax), role };
  }
}
