/** An OpenID provider as it was looked up: asked when it is needed, and again when that is long ago. */
import type { Configuration, CustomFetch } from "openid-client";
import { errorText } from "../../../protocol/errors.ts";
import { oidcAgainMs, oidcAnswerMs, oidcFreshMs } from "../../../protocol/limits.ts";
import { LoginFault } from "../loginError.ts";
import type { OidcSettings } from "./settings.ts";

type Library = typeof import("openid-client");

export interface Found {
  lib: Library;
  configuration: Configuration;
}

export class OidcProvider {
  readonly #settings: OidcSettings;
  readonly #fetch: typeof fetch;
  #latest: { found: Promise<Found>; goodUntil: number } | undefined;

  constructor(settings: OidcSettings, fetchIt: typeof fetch) {
    this.#settings = settings;
    this.#fetch = fetchIt;
  }

  /** Many who ask at once cost the provider one request. Throws `LoginFault`. */
  async find(now: number): Promise<Found> {
    if (this.#latest === undefined || now >= this.#latest.goodUntil) {
      const looked = { found: this.#look(), goodUntil: now + oidcFreshMs };
      this.#latest = looked;
      looked.found.catch(() => {
        looked.goodUntil = now + oidcAgainMs;
      });
    }
    return this.#latest.found;
  }

  async #look(): Promise<Found> {
    // Loaded only where it is needed.
    const lib = await import("openid-client");
    const { issuer, clientId, clientSecret } = this.#settings;
    const isPlain = issuer.startsWith("http:");
    const auth = clientSecret === undefined ? lib.None() : secretIn(lib, clientSecret);
    try {
      const configuration = await lib.discovery(new URL(issuer), clientId, {}, auth, {
        timeout: oidcAnswerMs / 1000,
        [lib.customFetch]: this.#fetch as CustomFetch,
        // The signature counts too, and not the connection alone.
        execute: [lib.enableNonRepudiationChecks, ...(isPlain ? [lib.allowInsecureRequests] : [])],
      });
      return { lib, configuration };
    } catch (error) {
      throw faultOf(lib, error);
    }
  }
}

/** The secret where the provider wants it: in the header, unless it knows the body alone. */
function secretIn(lib: Library, secret: string): ReturnType<Library["None"]> {
  const [basic, post] = [lib.ClientSecretBasic(secret), lib.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const known = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const way = known.includes("client_secret_basic") ? basic : post;
    way(server, ...rest);
  };
}

const unreachable: readonly (string | undefined)[] = [
  undefined,
  "OAUTH_TIMEOUT",
  "OAUTH_RESPONSE_IS_NOT_CONFORM",
  "OAUTH_RESPONSE_IS_NOT_JSON",
  "OAUTH_PARSE_ERROR",
];

/** What the library threw, in our words; its own are for the log. */
export function faultOf(lib: Library, error: unknown): LoginFault {
  const reason = [error, (error as Error).cause].filter(Boolean).map(errorText).join(": ");
  const isDeclined =
    error instanceof lib.AuthorizationResponseError || error instanceof lib.ResponseBodyError;
  const { code } = error as { code?: string };
  const isUnreachable = !(error instanceof lib.ClientError) || unreachable.includes(code);
  const kind = isDeclined ? "declined" : isUnreachable ? "unreachable" : "invalid";
  return new LoginFault(kind, reason, { cause: error });
}
