/**
 * The OpenID Connect authorization code flow with PKCE (RFC 7636), state and nonce. A login must
 * return in the browser that started it, and only once.
 */
import * as v from "valibot";
import {
  oidcConcurrentRequestsMax,
  oidcLoginMs,
  oidcUsedStatesMax,
} from "../../auth/logins/loginLimits.ts";
import { Nonces } from "../../auth/nonces.ts";
import type { OidcUser } from "../../auth/oidcUser.ts";
import { LoginError } from "../loginError.ts";
import { type DiscoveredProvider, type OidcProvider, toLoginError } from "./oidcProvider.ts";
import { readUser } from "./readUser.ts";
import { SealedState } from "./sealedState.ts";
import type { OidcSettings } from "./settings.ts";

const LoginAttempt = v.object({ state: v.string(), nonce: v.string(), verifier: v.string() });
type LoginAttempt = v.InferOutput<typeof LoginAttempt>;

export class OidcFlow {
  readonly #settings: OidcSettings;
  readonly #redirectUrl: () => string;
  readonly #provider: OidcProvider;
  readonly #states = new Nonces(oidcLoginMs, oidcUsedStatesMax);
  readonly #sealed = new SealedState();
  #asking = 0;

  /** @param redirectUrl The URL to which the provider redirects browsers. */
  constructor(settings: OidcSettings, provider: OidcProvider, redirectUrl: () => string) {
    this.#settings = settings;
    this.#redirectUrl = redirectUrl;
    this.#provider = provider;
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
      return await this.#exchange(await this.#provider.find(now), query, underWay);
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

  async #exchange(
    found: DiscoveredProvider,
    query: string,
    underWay: LoginAttempt,
  ): Promise<OidcUser> {
    const { lib, configuration } = found;
    try {
      const url = new URL(this.#redirectUrl() + query);
      const answer = await lib.authorizationCodeGrant(configuration, url, {
        expectedState: underWay.state,
        expectedNonce: underWay.nonce,
        pkceCodeVerifier: underWay.verifier,
      });
      return await readUser(found, answer, this.#settings);
    } catch (error) {
      throw toLoginError(lib, error);
    }
  }
}
