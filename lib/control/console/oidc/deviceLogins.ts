/**
 * Logins of the command line at the OpenID provider (device authorization grant, RFC 8628). The
 * person confirms a code in any browser; this control plane asks the provider for the result, and
 * keeps it in memory for the client that has the secret of the login. A login ends when its client
 * no longer asks, so that abandoned ones neither fill the memory nor call the provider.
 */
import { createHash, randomBytes } from "node:crypto";
import type { DeviceAuthorizationResponse } from "openid-client";
import { WsctlError } from "../../../protocol/errors.ts";
import type { Clock } from "../../../time/clock.ts";
import { toNetwork } from "../../auth/failedAttempts.ts";
import {
  deviceLoginIdleMs,
  deviceLoginMs,
  deviceLoginsMax,
  deviceLoginsPerAddressMax,
} from "../../auth/logins/loginLimits.ts";
import type { OidcUser } from "../../auth/oidcUser.ts";
import { LoginError } from "../loginError.ts";
import { type DiscoveredProvider, type OidcProvider, toLoginError } from "./oidcProvider.ts";
import { readUser } from "./readUser.ts";
import type { OidcSettings } from "./settings.ts";

interface PendingLogin {
  network: string;
  /** Aborted when the login ends. */
  ended: AbortController;
  cancelTimer: () => void;
  result?: { user: OidcUser } | { error: LoginError };
}

export interface StartedLogin {
  secret: string;
  answer: DeviceAuthorizationResponse;
  expiresInSeconds: number;
}

const secretBytes = 32;

export class DeviceLogins {
  readonly #settings: OidcSettings;
  readonly #provider: OidcProvider;
  readonly #clock: Clock;
  /** By the hash of the secret. */
  readonly #pending = new Map<string, PendingLogin>();

  constructor(settings: OidcSettings, provider: OidcProvider, clock: Clock) {
    this.#settings = settings;
    this.#provider = provider;
    this.#clock = clock;
  }

  /**
   * Starts a login. Throws `LoginError`.
   *
   * @param address Client IP address.
   * @throws {WsctlError} BUSY or RATE_LIMITED if too many logins wait
   */
  async begin(address: string): Promise<StartedLogin> {
    const network = toNetwork(address);
    this.#requireRoom(network);
    const secret = randomBytes(secretBytes).toString("base64url");
    const hash = hashSecret(secret);
    const login: PendingLogin = { network, ended: new AbortController(), cancelTimer: () => {} };
    // Takes its place before the provider is asked, so that concurrent starts are counted.
    this.#pending.set(hash, login);
    try {
      const found = await this.#provider.find(this.#clock.wall());
      const answer = await this.#start(found);
      const lifetimeMs = Math.min(answer.expires_in * 1000, deviceLoginMs);
      this.#arm(hash, login);
      void this.#awaitResult(login, { found, answer, lifetimeMs });
      return { secret, answer, expiresInSeconds: lifetimeMs / 1000 };
    } catch (error) {
      this.#end(hash, login);
      throw error;
    }
  }

  /**
   * Returns the user once the login is confirmed, and then forgets it; undefined while it waits.
   * Throws `LoginError` once if the login failed.
   *
   * @throws {WsctlError} UNAUTHORIZED for a login that this process does not know
   */
  take(secret: string): OidcUser | undefined {
    const hash = hashSecret(secret);
    const login = this.#pending.get(hash);
    if (login === undefined) {
      const reason = "it was abandoned, or the control plane was restarted";
      const text = `Cannot continue the login: ${reason}. Start it again`;
      throw new WsctlError("UNAUTHORIZED", text);
    }
    if (login.result === undefined) {
      this.#arm(hash, login);
      return undefined;
    }
    this.#end(hash, login);
    if ("error" in login.result) throw login.result.error;
    return login.result.user;
  }

  #requireRoom(network: string): void {
    const advice = "Finish or cancel one, or try again in a minute";
    if (this.#pending.size >= deviceLoginsMax) {
      throw new WsctlError("BUSY", `Cannot start the login: too many logins wait. ${advice}`);
    }
    const own = [...this.#pending.values()].filter((login) => login.network === network);
    if (own.length < deviceLoginsPerAddressMax) return;
    const why = `${deviceLoginsPerAddressMax} logins of this address wait`;
    throw new WsctlError("RATE_LIMITED", `Cannot start the login: ${why}. ${advice}`);
  }

  async #start({ lib, configuration }: DiscoveredProvider): Promise<DeviceAuthorizationResponse> {
    if (configuration.serverMetadata().device_authorization_endpoint === undefined) {
      throw new LoginError("unsupported", "the provider has no device_authorization_endpoint");
    }
    const { scope } = this.#settings;
    let answer: DeviceAuthorizationResponse;
    try {
      answer = await lib.initiateDeviceAuthorization(configuration, { scope });
    } catch (error) {
      // Providers name a client that may not do this in several ways, but a wrong secret in one.
      const isBarred = error instanceof lib.ResponseBodyError && error.error !== "invalid_client";
      if (isBarred) throw new LoginError("unsupported", error.message, { cause: error });
      throw toLoginError(lib, error);
    }
    const { verification_uri, verification_uri_complete = verification_uri } = answer;
    for (const url of [verification_uri, verification_uri_complete]) {
      if (/^https?:\/\//i.test(url) && URL.canParse(url)) continue;
      throw new LoginError("invalid", `verification URL is no URL: ${url.slice(0, 200)}`);
    }
    return answer;
  }

  async #awaitResult(
    login: PendingLogin,
    started: { found: DiscoveredProvider; answer: DeviceAuthorizationResponse; lifetimeMs: number },
  ): Promise<void> {
    const expired = new AbortController();
    const cancel = this.#clock.after(started.lifetimeMs, () => expired.abort());
    const signal = AbortSignal.any([login.ended.signal, expired.signal]);
    try {
      login.result = { user: await this.#poll(started.found, started.answer, signal) };
    } catch (error) {
      const reason = "it was not confirmed in time";
      const late = expired.signal.aborted ? new LoginError("expired", reason) : undefined;
      login.result = { error: late ?? toLoginError(started.found.lib, error) };
    } finally {
      cancel();
    }
  }

  async #poll(
    found: DiscoveredProvider,
    answer: DeviceAuthorizationResponse,
    signal: AbortSignal,
  ): Promise<OidcUser> {
    const { lib, configuration } = found;
    for (let interval = answer.interval ?? 5; ; interval *= 2) {
      const asked = { ...answer, interval };
      // The library obeys the interval and `slow_down` of the provider.
      const grant = lib.pollDeviceAuthorizationGrant(configuration, asked, {}, { signal });
      const told = await grant.catch((error) => {
        const failure = toPollError(lib, error);
        // A provider that cannot be reached is asked again, less often (RFC 8628, section 3.5).
        if (failure.code !== "unreachable" || signal.aborted) throw failure;
      });
      if (told !== undefined) return await readUser(found, told, this.#settings);
    }
  }

  /** Ends the login unless its client asks again in time. */
  #arm(hash: string, login: PendingLogin): void {
    login.cancelTimer();
    login.cancelTimer = this.#clock.after(deviceLoginIdleMs, () => this.#end(hash, login));
  }

  #end(hash: string, login: PendingLogin): void {
    login.cancelTimer();
    this.#pending.delete(hash);
    login.ended.abort();
  }
}

function toPollError(lib: DiscoveredProvider["lib"], error: unknown): LoginError {
  const failure = toLoginError(lib, error);
  const isExpired = error instanceof lib.ResponseBodyError && error.error === "expired_token";
  return isExpired ? new LoginError("expired", failure.message, { cause: error }) : failure;
}

function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
