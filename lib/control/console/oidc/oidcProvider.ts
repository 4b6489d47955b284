/** The OpenID provider's configuration, discovered on first use and again when it is old. */
import type { Configuration, CustomFetch } from "openid-client";
import { logReason } from "../../../network/connectionError.ts";
import { toTrust } from "../../../network/trust.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import { oidcCacheMs, oidcRetryMs, oidcTimeoutMs } from "../../auth/logins/loginLimits.ts";
import { LoginError } from "../loginError.ts";
import type { OidcSettings } from "./settings.ts";

type Library = typeof import("openid-client");

export interface DiscoveredProvider {
  lib: Library;
  configuration: Configuration;
}

export class OidcProvider {
  readonly #settings: OidcSettings;
  readonly #fetch: typeof fetch;
  #latest: { found: Promise<DiscoveredProvider>; goodUntil: number } | undefined;

  constructor(settings: OidcSettings, runtime: Runtime) {
    this.#settings = settings;
    this.#fetch = runtime.fetchWith(toTrust(settings));
  }

  /** Concurrent callers share one request to the provider. Throws `LoginError`. */
  async find(now: number): Promise<DiscoveredProvider> {
    if (this.#latest === undefined || now >= this.#latest.goodUntil) {
      const looked = { found: this.#discover(), goodUntil: now + oidcCacheMs };
      this.#latest = looked;
      looked.found.catch(() => {
        looked.goodUntil = now + oidcRetryMs;
      });
    }
    return this.#latest.found;
  }

  async #discover(): Promise<DiscoveredProvider> {
    // Imported on first use, because it is large.
    const lib = await import("openid-client");
    const { issuer, clientId, clientSecret } = this.#settings;
    const isPlain = issuer.startsWith("http:");
    const auth = clientSecret === undefined ? lib.None() : readSecret(lib, clientSecret);
    try {
      const configuration = await lib.discovery(new URL(issuer), clientId, {}, auth, {
        timeout: oidcTimeoutMs / 1000,
        [lib.customFetch]: this.#fetch as CustomFetch,
        // Verifies the signature of the ID token in addition to the TLS connection.
        execute: [lib.enableNonRepudiationChecks, ...(isPlain ? [lib.allowInsecureRequests] : [])],
      });
      return { lib, configuration };
    } catch (error) {
      throw toLoginError(lib, error);
    }
  }
}

/** Sends the client secret in the header, unless the provider supports only the body. */
function readSecret(lib: Library, secret: string): ReturnType<Library["None"]> {
  const [basic, post] = [lib.ClientSecretBasic(secret), lib.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const known = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const access = known.includes("client_secret_basic") ? basic : post;
    access(server, ...rest);
  };
}

const unreachable: readonly (string | undefined)[] = [
  undefined,
  "OAUTH_TIMEOUT",
  "OAUTH_RESPONSE_IS_NOT_CONFORM",
  "OAUTH_RESPONSE_IS_NOT_JSON",
  "OAUTH_PARSE_ERROR",
];

/** Maps an error of the library to a `LoginError`; the original text is for the log. */
export function toLoginError(lib: Library, error: unknown): LoginError {
  if (error instanceof LoginError) return error;
  const reason = logReason(error);
  const isDeclined =
    error instanceof lib.AuthorizationResponseError || error instanceof lib.ResponseBodyError;
  const { code } = error as { code?: string };
  const isUnreachable = !(error instanceof lib.ClientError) || unreachable.includes(code);
  const kind = isDeclined ? "declined" : isUnreachable ? "unreachable" : "invalid";
  return new LoginError(kind, reason, { cause: error });
}
