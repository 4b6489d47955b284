/** The flags of `serve` for the console and for login by OpenID Connect, and their settings. */
import { type UserRole, userRoles } from "../../lib/control/auth/oidcUser.ts";
import type { ConsoleSettings } from "../../lib/control/console/console.ts";
import type { OidcSettings } from "../../lib/control/console/oidc/settings.ts";
import { usage } from "../cli/strictArgs.ts";
import { readTrustedFile } from "../flags/connection.ts";
import { parseSeconds } from "../flags/values.ts";

const modes: string[] = ["full", "read-only", "off"];

export const consoleArgs = {
  console: {
    type: "enum",
    options: modes,
    default: "full",
    description: "what the web console may do: full (as the role permits), read-only, or off",
  },
  "console-url": {
    type: "string",
    valueHint: "URL",
    description: "public URL of the console, if it is not the one of --public-url",
  },
  "console-lifetime": {
    type: "string",
    default: "8h",
    valueHint: "TIME",
    description: "maximum lifetime of a console session",
  },
  "console-idle": {
    type: "string",
    default: "30m",
    valueHint: "TIME",
    description: "maximum idle time of a console session",
  },
  "oidc-issuer": {
    type: "string",
    valueHint: "URL",
    description: "issuer URL of the OpenID provider for logins of people",
  },
  "oidc-client-id": {
    type: "string",
    valueHint: "ID",
    description: "OpenID client ID",
  },
  "oidc-client-secret-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the client secret; without one, a public client with PKCE",
  },
  "oidc-ca": {
    type: "string",
    valueHint: "FILE",
    description: "file with the CA certificate of the provider (PEM)",
  },
  "oidc-scope": {
    type: "string",
    default: "openid profile",
    valueHint: "SCOPES",
    description: "requested scopes, separated by spaces",
  },
  "oidc-role-claim": {
    type: "string",
    default: "groups",
    valueHint: "CLAIM",
    description: "claim that roles are granted by; a.b selects b inside a",
  },
  "oidc-grant": {
    type: "string",
    valueHint: "VALUE=ROLE",
    description: "grant a role to users with this value in the claim (repeatable)",
  },
  "oidc-token-lifetime": {
    type: "string",
    default: "12h",
    valueHint: "TIME",
    description: "lifetime of the tokens of wsctl login URL",
  },
} as const;

export interface ConsoleFlags {
  console: string;
  "console-url"?: string | undefined;
  "console-lifetime": string;
  "console-idle": string;
  "oidc-issuer"?: string | undefined;
  "oidc-client-id"?: string | undefined;
  "oidc-client-secret-file"?: string | undefined;
  "oidc-ca"?: string | undefined;
  "oidc-scope": string;
  "oidc-role-claim": string;
  "oidc-token-lifetime": string;
  /** The values of `--oidc-grant`. */
  grants: readonly string[];
}

const loginSecondsMax = 30 * 24 * 60 * 60;

/** @throws {WsctlError} USAGE if the flags cannot work. */
export function parseConsole(flags: ConsoleFlags): ConsoleSettings {
  const url = flags["console-url"];
  const oidc = parseOidc(flags);
  return {
    mode: parseMode(flags.console),
    lifetimeMs: loginMs("console-lifetime", flags["console-lifetime"]),
    idleMs: loginMs("console-idle", flags["console-idle"]),
    ...(url === undefined ? {} : { url: parsePublicUrl("console-url", url) }),
    ...(oidc === undefined ? {} : { oidc }),
  };
}

function parseMode(text: string): ConsoleSettings["mode"] {
  if (text === "full" || text === "read-only" || text === "off") return text;
  throw usage(`Flag --console is "${text}": expected ${modes.join(", ")}`);
}

function parseOidc(flags: ConsoleFlags): OidcSettings | undefined {
  const { "oidc-issuer": issuer, "oidc-client-id": clientId, grants } = flags;
  const { "oidc-client-secret-file": secretFile, "oidc-ca": caFile } = flags;
  if (issuer === undefined) {
    const isWithout = [clientId, secretFile, caFile, grants[0]].some(
      (value) => value !== undefined,
    );
    if (!isWithout) return undefined;
    throw usage("Flags --oidc-… need --oidc-issuer");
  }
  if (clientId === undefined) throw usage("Flag --oidc-issuer needs --oidc-client-id");
  if (grants.length === 0) {
    throw usage(
      "Flag --oidc-issuer needs --oidc-grant VALUE=ROLE: without a grant no user can log in",
    );
  }
  return {
    issuer: parseIssuer(issuer),
    clientId,
    ...(secretFile === undefined ? {} : { clientSecret: readSecret(secretFile) }),
    ...(caFile === undefined ? {} : { ca: readTrustedFile("Flag --oidc-ca", caFile) }),
    scope: parseScope(flags["oidc-scope"]),
    roleClaim: flags["oidc-role-claim"],
    grants: new Map(grants.map(parseGrant)),
    tokenLifetimeMs: loginMs("oidc-token-lifetime", flags["oidc-token-lifetime"]),
  };
}

/** The issuer decides who logs in, so its address must be safe from changes on the network. */
function parseIssuer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url?.search === "" && url.hash === "" && url.username === "";
  const isLoopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url?.hostname ?? "");
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback);
  if (isBare && isSafe) return text;
  throw usage(
    `Flag --oidc-issuer is "${text}": expected https://HOST[/PATH], or http:// on a loopback address`,
  );
}

/**
 * Returns a public URL in its normal form, without a slash at the end.
 * @throws {WsctlError} USAGE
 */
export function parsePublicUrl(flag: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isShaped = url !== undefined && /^https?:$/.test(url.protocol);
  if (isShaped && url.origin + url.pathname === url.href) return url.href.replace(/\/+$/, "");
  throw usage(`Flag --${flag} is "${text}": expected https://HOST[:PORT][/PATH]`);
}

function readSecret(path: string): string {
  const secret = readTrustedFile("Flag --oidc-client-secret-file", path).trim();
  if (secret !== "") return secret;
  throw usage(`Flag --oidc-client-secret-file: "${path}" is empty: expected the client's secret`);
}

function parseScope(text: string): string {
  const scopes = text.split(/\s+/).filter(Boolean);
  if (scopes.includes("openid")) return scopes.join(" ");
  throw usage(`Flag --oidc-scope is "${text}": expected openid among them`);
}

/**
 * Splits at the last "=", because a value may contain one, such as the distinguished name of a
 * group.
 */
function parseGrant(text: string): [string, UserRole] {
  const at = text.lastIndexOf("=");
  const [value, role] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  const known = userRoles.find((each) => each === role);
  if (value !== "" && known !== undefined) return [value, known];
  const expected = `expected VALUE=ROLE with a role of ${userRoles.join(", ")}`;
  throw usage(`Flag --oidc-grant is "${text}": ${expected}`);
}

function loginMs(flag: string, text: string): number {
  const seconds = parseSeconds(flag, text);
  if (seconds >= 1 && seconds <= loginSecondsMax) return seconds * 1000;
  throw usage(`Flag --${flag} is "${text}": expected a time from 1s to 30d`);
}
