/** Finds the control plane and the token, and rejects unsafe environment variables. */

import { readFileSync, type Stats } from "node:fs";
import { join } from "node:path";
import { isOpenToAll, readTextFile, readTrustedTextFile } from "../../lib/files/readText.ts";
import type { Log } from "../../lib/log/log.ts";
import { findCaFault } from "../../lib/network/caFile.ts";
import { assertProxyVariables } from "../../lib/network/proxyRules.ts";
import { type Trust, toTrust } from "../../lib/network/trust.ts";
import { type LocalCredentials, localFile } from "../../lib/protocol/api/localCredentials.ts";
import {
  parseServerAddress,
  type ServerAddress,
  toServerAddress,
} from "../../lib/protocol/api/serverAddress.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import type { ClientFlags, CommonOptions } from "../cli/commonFlags.ts";
import { defaultDataDir } from "../cli/paths.ts";
import { fromStart } from "../cli/startDirectory.ts";
import { usage } from "../cli/strictArgs.ts";
import { readStdin, remark } from "../output/stdio.ts";

/** The address of the control plane, and the token. */
export interface ConnectionSettings extends ServerAddress {
  /** The URLs of the other nodes of a cluster. */
  others?: readonly string[];
  token: string;
  trust: Trust;
}

/**
 * Certificates are always verified: a variable that would disable this is rejected, and so is a
 * proxy that cannot be used.
 * @throws {WsctlError} USAGE with the variable.
 */
export function assertSafeEnvironment(): void {
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    throw usage(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 would disable certificate verification: unset it, and specify the authority with --ca",
    );
  }
  assertProxyVariables(process.env);
  if (isSet("BUN_CONFIG_VERBOSE_FETCH")) {
    throw usage("BUN_CONFIG_VERBOSE_FETCH would print tokens with every request: unset it");
  }
}

/**
 * A long-running process with its own permissions must not load code or a debugger from its
 * environment.
 * @throws {WsctlError} USAGE with the variable.
 */
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
  // The path is absolute, because programs are started in other directories.
  return fromStart(options["data-dir"] ?? defaultDataDir(process.env));
}

/**
 * Returns the control plane and the token.
 * @throws {WsctlError} USAGE or UNREACHABLE with what is missing and how to specify it.
 * @throws {WsctlError} UNAUTHORIZED
 */
export function readConnection(flags: ClientFlags, needsToken = true): ConnectionSettings {
  assertSafeEnvironment();
  const local = readLocal(resolveDataDir(flags));
  const known = local === undefined ? undefined : toServerAddress(local.url);
  const address = flags.server === undefined ? known : parseServer(flags.server);
  if (address === undefined) throw noControlPlane(resolveDataDir(flags));
  const { url } = address;
  const given = readToken(flags);
  const isLocal = local !== undefined && local.url === url;
  const token = given ?? (isLocal ? local.token : undefined);
  if (token === undefined && needsToken) {
    throw new WsctlError(
      "UNAUTHORIZED",
      `No token for ${url}: specify --token-file FILE or WSCTL_TOKEN. Create a token with "wsctl tokens create" on the control plane's host`,
    );
  }
  const own = isLocal ? toTrust(local) : {};
  const trust = flags.ca === undefined ? own : { ca: readCaFile(flags.ca) };
  return { ...address, token: token ?? "", trust };
}

/**
 * Returns the local credentials of `serve` for this user on this host, if they exist.
 * @throws {WsctlError} USAGE
 */
export function readLocal(dataDir: string): LocalCredentials | undefined {
  const path = join(dataDir, localFile);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // The file is missing or belongs to another user: this user cannot use a local control plane.
    return undefined;
  }
  try {
    const local = JSON.parse(text) as LocalCredentials;
    if (parseServerAddress(local.url) === undefined) throw new Error("its url is not a URL");
    return local;
  } catch (error) {
    throw usage(`Cannot read the local credentials "${path}": ${errorText(error)}`);
  }
}

/**
 * Returns the token of `--token-file` or `WSCTL_TOKEN`. There is no flag for it, because `ps` shows
 * flags.
 * @throws {WsctlError} USAGE
 */
export function readToken(flags: ClientFlags): string | undefined {
  const file = flags["token-file"];
  if (file === undefined) {
    // An empty variable counts as unset, as for every flag, but a named file must contain a token.
    return checkToken(process.env.WSCTL_TOKEN ?? "", "of WSCTL_TOKEN") || undefined;
  }
  const token = checkToken(readTokenFile(file), `in "${file}"`);
  if (token !== "") return token;
  throw usage(`Flag --token-file: "${file}" is empty: expected a token`);
}

/**
 * Returns what reads the token for each connection, since a rotated token is written to the same
 * file. A file that cannot be read or has no token is reported, and the last token is used.
 */
export function tokenReader(flags: ClientFlags, token: string, log: Log): () => string {
  const file = flags["token-file"];
  if (file === undefined || process.env[pipedVariable] !== undefined) return () => token;
  let latest = token;
  return () => {
    try {
      latest = readToken(flags) ?? latest;
    } catch (error) {
      log.warn(`${errorText(error)}; the agent continues with the token that it read before`);
    }
    return latest;
  };
}

/** A token has 84 characters. What is much longer is another file. */
const tokenFileBytesMax = 4_096;

/** Passes a token that was read from a pipe to the process that replaces this one. */
const pipedVariable = "WSCTL_PIPED_TOKEN";

/** A pipe, as of `--token-file <(…)`, is read only once. */
const pipedTokens = new Map<string, string>();

function readTokenFile(file: string): string {
  const piped = pipedTokens.get(file) ?? process.env[pipedVariable];
  if (piped !== undefined) return piped;
  if (file === "-") return remember(file, readStdin());
  let isPiped = false;
  const check = (stats: Stats) => {
    isPiped = !stats.isFile();
    if (isPiped || !isOpenToAll(stats)) return;
    throw new Error(`every user can write to it. Restrict it: chmod 600 ${file}`);
  };
  try {
    const text = readTextFile(file, { bytesMax: tokenFileBytesMax, check });
    return isPiped ? remember(file, text) : text;
  } catch (error) {
    throw usage(
      `Flag --token-file: cannot read "${file}": ${errorText(error)}; expected a file with one token`,
    );
  }
}

function remember(file: string, text: string): string {
  pipedTokens.set(file, text);
  process.env[pipedVariable] = text;
  return text;
}

/** @param origin Where the token comes from, for messages. */
function checkToken(text: string, origin: string): string {
  const token = text.trim();
  if (!/[^\x21-\x7e]/.test(token)) return token;
  throw usage(
    `The token ${origin} contains spaces, line breaks or other invalid characters: expected one token`,
  );
}

/**
 * Returns the address of a control plane; both HTTP and WebSocket addresses are accepted.
 * @throws {WsctlError} USAGE
 */
export function parseServer(server: string): ServerAddress {
  const address = parseServerAddress(server);
  if (address !== undefined) return address;
  const advice = /^\w+:\/\/\[[^\]]*%/.test(server)
    ? ". No URL can contain the zone of an address: use another address or a name"
    : "";
  const expected = `http(s)://HOST[:PORT][/PATH] or ws(s)://HOST[:PORT][/PATH]${advice}`;
  throw usage(`Flag --server is "${server}": expected ${expected}`);
}

/** @throws {WsctlError} USAGE */
export function readFile(flag: string, path: string): string {
  return readNamed(`Flag --${flag}`, path, readTextFile);
}

/**
 * Reads a file that grants something, such as a key, which must not be world-writable.
 * @param origin Where the path comes from, for messages.
 * @throws {WsctlError} USAGE
 */
export function readTrustedFile(origin: string, path: string): string {
  return readNamed(origin, path, readTrustedTextFile);
}

function readNamed(origin: string, path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch (error) {
    throw usage(`${origin}: cannot read "${path}": ${errorText(error)}`);
  }
}

/**
 * Returns the PEM text of the file. A file without a root is only warned about, because Deno
 * accepts an intermediate certificate as a root.
 * @throws {WsctlError} USAGE if the file has no certificate
 */
export function readCaFile(path: string): string {
  const text = readTrustedFile("Flag --ca", path);
  let fault: string | undefined;
  try {
    fault = findCaFault(text);
  } catch (error) {
    throw usage(`Flag --ca: cannot use "${path}": ${errorText(error)}`);
  }
  if (fault === undefined) return text;
  if (!text.includes("BEGIN CERTIFICATE")) {
    throw usage(`Flag --ca: cannot use "${path}": ${fault}`);
  }
  remark(`Warning: --ca "${path}": ${fault}. Append the root certificate to the file`);
  return text;
}

function noControlPlane(dataDir: string): WsctlError {
  return new WsctlError(
    "UNREACHABLE",
    `No control plane is known on this host (no ${join(dataDir, localFile)}): start "wsctl serve", or specify --server and a token`,
  );
}
