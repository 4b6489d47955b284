/**
 * Which proxy an address is reached through. This is the only place that reads the proxy variables:
 * `HTTP_PROXY` for `http:` and `ws:`, `HTTPS_PROXY` for `https:` and `wss:`, `ALL_PROXY` for both,
 * and `NO_PROXY` for exceptions. Each may also be in lower case, which takes precedence.
 */
import {
  AddressRanges,
  ipVersion,
  isAddressRange,
  plainAddress,
} from "../protocol/addressRange.ts";
import { WsctlError } from "../protocol/errors.ts";

export type Env = Record<string, string | undefined>;

export interface HttpProxy {
  /** `http(s)://HOST:PORT`, without credentials, for messages too. */
  url: string;
  credentials?: { username: string; password: string };
}

const names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
const variables = names.flatMap((name) => [name, name.toUpperCase()]);

/** Variables that add certificate authorities to those of the system. */
const trustVariables = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];

/** Returns the variables that decide how this process connects, for programs of its own. */
export function networkEnvironment(env: Env): Record<string, string> {
  const kept = [...variables, ...trustVariables].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}

/**
 * Returns the proxy for an address, or undefined if it is reached directly. A loopback address is
 * always reached directly, because it means another host to a proxy.
 *
 * @throws {WsctlError} USAGE if the variable is not the URL of an HTTP proxy
 */
export function findProxy(target: URL, env: Env): HttpProxy | undefined {
  const isSecure = target.protocol === "https:" || target.protocol === "wss:";
  const found = read(env, isSecure ? "https_proxy" : "http_proxy") ?? read(env, "all_proxy");
  if (found === undefined) return undefined;
  const host = target.hostname.replace(/^\[|\]$|\.$/g, "").toLowerCase();
  const port = target.port || (isSecure ? "443" : "80");
  if (isLoopback(host) || isExcepted(host, port, read(env, "no_proxy")?.value ?? "")) {
    return undefined;
  }
  return parseProxy(found.variable, found.value);
}

/**
 * Checks all proxy variables, so that an invalid one is reported before any connection.
 *
 * @throws {WsctlError} USAGE with the variable
 */
export function assertProxyVariables(env: Env): void {
  for (const name of names.filter((each) => each !== "no_proxy")) {
    const found = read(env, name);
    if (found !== undefined) parseProxy(found.variable, found.value);
  }
}

/** Returns words that name the proxy of an address, for the error of a response; or none. */
export function describeProxy(url: string, env: Env): string {
  const proxy = findProxy(new URL(url), env);
  return proxy === undefined ? "" : ` through the proxy ${proxy.url}`;
}

/** The header that carries the credentials to the proxy (RFC 9110, section 11.7.1). */
export function proxyHeaders({ credentials }: HttpProxy): Record<string, string> {
  if (credentials === undefined) return {};
  const { username, password } = credentials;
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  return { "Proxy-Authorization": `Basic ${basic}` };
}

/**
 * Runs a synchronous call during which the process has no proxy variables. Runtimes read them with
 * rules of their own, which differ from those of this file.
 */
export function withoutProxyVariables<T>(run: () => T): T {
  const kept = variables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [{ name, value }];
  });
  for (const { name } of kept) delete process.env[name];
  try {
    return run();
  } finally {
    for (const { name, value } of kept) process.env[name] = value;
  }
}

function read(env: Env, name: string): { variable: string; value: string } | undefined {
  for (const variable of [name, name.toUpperCase()]) {
    const value = env[variable]?.trim() ?? "";
    if (value !== "") return { variable, value };
  }
  return undefined;
}

/** The error does not show the value, which may contain a password. */
function parseProxy(variable: string, value: string): HttpProxy {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    const scheme = url === undefined ? "is not a URL" : `has the scheme "${url.protocol}"`;
    const expected = "Expected an HTTP proxy: http://[USER:PASSWORD@]HOST:PORT";
    throw new WsctlError(
      "USAGE",
      `Cannot use the proxy of environment variable ${variable}: it ${scheme}. ${expected}`,
    );
  }
  const { username, password } = url;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    ...(username === ""
      ? {}
      : { credentials: { username: plain(username), password: plain(password) } }),
  };
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A password with a bare "%" is used as it is.
    return text;
  }
}

function isLoopback(host: string): boolean {
  return /^(.+\.)?localhost$/.test(host) || loopback.has(host);
}

const loopback = new AddressRanges(["127.0.0.0/8", "::1"]);

function isExcepted(host: string, port: string, list: string): boolean {
  const entries = list.split(/[,\s]+/).filter((entry) => entry !== "");
  return entries.some((entry) => matches(entry.toLowerCase(), host, port));
}

/** An entry is `*`, an address, a range, or a name with all names below it; with a port or not. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  const [, bracketed, other, wanted] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  if (wanted !== undefined && Number(wanted) !== Number(port)) return false;
  const pattern = bracketed ?? other ?? entry;
  if (isAddressRange(pattern))
    return ipVersion(host) !== 0 && new AddressRanges([pattern]).has(host);
  if (ipVersion(host) !== 0) return plainAddress(pattern) === plainAddress(host);
  const suffix = pattern.replace(/^\*?\./, "").replace(/\.$/, "");
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`));
}
