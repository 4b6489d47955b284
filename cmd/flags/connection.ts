/** The way to the control plane: where it is, who asks, and what an environment must not change. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Client } from "../../lib/client/client.ts";
import { type LocalCredentials, localFile } from "../../lib/protocol/api/localCredentials.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import type { ClientFlags, CommonOptions } from "../cli/commonFlags.ts";
import { defaultDataDir } from "../cli/paths.ts";
import { usage } from "../cli/strictArgs.ts";
import { readStdin } from "../output/stdio.ts";

/** Where the control plane is and who asks. */
export interface ConnectionSettings {
  /** `http://…` or `https://…`, without a path. */
  url: string;
  token: string;
  /** PEM text. */
  ca?: string;
}

/** Certificates are verified, always: what would switch that off is refused by name. */
export function assertSafeEnvironment(): void {
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    throw usage(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 would switch the check of certificates off: unset it, and name the authority with --ca",
    );
  }
  if (isSet("BUN_CONFIG_VERBOSE_FETCH")) {
    throw usage("BUN_CONFIG_VERBOSE_FETCH would print tokens with every request: unset it");
  }
}

/** What runs for long with rights of its own takes no code and no debugger from its environment. */
export function assertNoHostileVariables(): void {
  assertSafeEnvironment();
  const name = Object.keys(process.env).find(
    (each) => /^(BUN_OPTIONS|NODE_OPTIONS|BUN_INSPECT.*)$/.test(each) && isSet(each),
  );
  if (name === undefined) return;
  throw usage(`${name} could load code into this process or open a debugger: unset it`);
}

function isSet(name: string): boolean {
  return (process.env[name] ?? "") !== "";
}

export function resolveDataDir(options: CommonOptions): string {
  // Programs are started elsewhere: what is meant from here must be meant from there.
  return resolve(options["data-dir"] ?? defaultDataDir(process.env));
}

/** The control plane that the flags, or else the local credentials, name. */
export async function findControlPlane(flags: ClientFlags): Promise<ControlPlane> {
  const { url, token, ca } = readConnection(flags);
  const runtime = await loadRuntime();
  return { url, token, fetch: runtime.fetchWith(ca) };
}

export async function createClient(flags: ClientFlags): Promise<Client> {
  return new Client(await findControlPlane(flags));
}

/** Throws `USAGE` or `UNREACHABLE` saying what is missing and where it would come from. */
export function readConnection(flags: ClientFlags, needsToken = true): ConnectionSettings {
  assertSafeEnvironment();
  const local = readLocal(resolveDataDir(flags));
  const url = flags.server === undefined ? local?.url : httpUrl(flags.server);
  if (url === undefined) throw noControlPlane(resolveDataDir(flags));
  const given = readToken(flags);
  const isLocal = local !== undefined && local.url === url;
  const token = given ?? (isLocal ? local.token : undefined);
  if (token === undefined && needsToken) {
    throw new WsctlError(
      "UNAUTHORIZED",
      `No token for ${url}: give --token-file FILE or WSCTL_TOKEN; "wsctl tokens create" on the control plane's host makes one`,
    );
  }
  const ca = flags.ca === undefined ? (isLocal ? local.ca : undefined) : readFile("ca", flags.ca);
  return { url, token: token ?? "", ...(ca === undefined ? {} : { ca }) };
}

/** What `serve` of this user on this host has left, if it has. */
export function readLocal(dataDir: string): LocalCredentials | undefined {
  const path = join(dataDir, localFile);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Missing or another user's: there is no control plane here that this user may use.
    return undefined;
  }
  try {
    return JSON.parse(text) as LocalCredentials;
  } catch (error) {
    throw usage(`Cannot read the local credentials "${path}": ${errorText(error)}`);
  }
}

/** The token of `--token-file` or `WSCTL_TOKEN`; there is no flag for it, as `ps` shows flags. */
export function readToken(flags: ClientFlags): string | undefined {
  const file = flags["token-file"];
  const text =
    file === undefined
      ? process.env.WSCTL_TOKEN
      : file === "-"
        ? readStdin()
        : readFile("token-file", file);
  const token = text?.trim();
  if (token !== undefined && /[^\x21-\x7e]/.test(token)) {
    throw usage(
      "The token has spaces, line breaks or other odd characters in it: expected one token",
    );
  }
  if (token !== "") return token;
  // An empty variable counts as unset, as for every flag; a file that was named must hold one.
  if (file === undefined) return undefined;
  throw usage(`Flag --token-file: "${file}" is empty: expected a token`);
}

/** A server as HTTP: people give either kind of address. */
export function httpUrl(server: string): string {
  const url = server.replace(/^ws(s?):\/\//, "http$1://").replace(/\/+$/, "");
  if (!/^https?:\/\/[^/?#]+$/.test(url) || !URL.canParse(url)) {
    throw usage(`Flag --server is "${server}": expected ws(s)://HOST:PORT or http(s)://HOST:PORT`);
  }
  return url;
}

export function readFile(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw usage(`Flag --${flag}: cannot read "${path}": ${errorText(error)}`);
  }
}

function noControlPlane(dataDir: string): WsctlError {
  return new WsctlError(
    "UNREACHABLE",
    `No control plane is known on this host (no ${join(dataDir, localFile)}): start "wsctl serve", or give --server and a token`,
  );
}
