import { defineCommand } from "citty";
import { Client } from "../lib/client/client.ts";
import { fetchAuthority } from "../lib/network/authority.ts";
import { toStoredTrust, toTrust } from "../lib/network/trust.ts";
import { parseLogin } from "../lib/protocol/api/joinString.ts";
import type { NewToken, TokenView } from "../lib/protocol/api/tokens.ts";
import { WsctlError } from "../lib/protocol/errors.ts";
import { loadRuntime } from "../lib/runtime/load.ts";
import { ask, controlPlaneFetch } from "../lib/transfer/apiCall.ts";
import { nodesFetch } from "../lib/transfer/nodesFetch.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import {
  assertSafeEnvironment,
  parseServer,
  readCaFile,
  readConnection,
  readTrustedFile,
} from "./flags/connection.ts";
import {
  assertContextsWritable,
  type Context,
  type ContextFile,
  changeContexts,
  readContexts,
} from "./flags/contextFile.ts";
import { localContext } from "./flags/contextText.ts";
import { deviceLogin } from "./login/deviceLogin.ts";
import { print, printJson, readStdin, remark } from "./output/stdio.ts";

const { context: _context, ...accessArgs } = clientArgs;

export default defineCommand({
  meta: {
    name: "login",
    description: "Log in to a control plane, and use it from now on",
    examples: [
      "wsctl login https://ops.example",
      "wsctl login - < login.txt",
      "wsctl login @login.txt --name prod",
      "wsctl login --server https://ops.example --token-file ana.token",
    ],
  },
  args: {
    string: {
      type: "positional",
      required: false,
      valueHint: "STRING",
      description:
        "URL, to log in at its OpenID provider; or a login string, @FILE, or - for standard input",
    },
    name: {
      type: "string",
      valueHint: "NAME",
      description: "name of the context; default: the host name of the control plane",
    },
    ...accessArgs,
  },
  run: ({ args }) => loginRun(args),
});

interface LoginFlags extends ClientFlags {
  string?: string | undefined;
  name?: string | undefined;
  json?: boolean | undefined;
}

/** Stores the context only when the control plane has accepted the token. */
async function loginRun(flags: LoginFlags): Promise<number> {
  // A login string is spent by its use, so everything else is checked before it.
  assertName(flags.name);
  const before = readContexts();
  const { url, logIn } = chooseLogin(flags);
  let name = flags.name ?? nameOf(url, before);
  // A disk that is full or read-only shows here, while the string is still good.
  assertContextsWritable(before);
  const { context, token } = await logIn();
  await changeContexts(({ contexts }) => {
    // Another login may have taken the name meanwhile. This one is spent and must not be lost.
    const isTaken = (each: string) => (contexts[each]?.url ?? url) !== url;
    if (flags.name === undefined) {
      for (let count = 2; isTaken(name); count++) name = `${nameOf(url, before)}-${count}`;
    }
    return { current: name, contexts: { ...contexts, [name]: context } };
  });
  const { role, name: operator, expires_at } = token;
  if (flags.json) printJson({ name, url: context.url, role });
  else print(`logged in to ${context.url} as ${operator ?? token.token_id} (${role})`);
  const end = expires_at === undefined ? "" : `, until ${expires_at}`;
  remark(
    `Commands use the context "${name}" from now on${end}. Change it with: wsctl context use NAME`,
  );
  return exitOk;
}

function assertName(name: string | undefined): void {
  if (name === undefined || (name !== localContext && /^[\w.@:-]{1,64}$/.test(name))) return;
  throw usage(`Flag --name is "${name}": expected letters, digits and . _ - @ :, and not "local"`);
}

/**
 * Returns the host name of a URL. It must not replace the token of another control plane, which may
 * be on the same host.
 */
function nameOf(url: string, { contexts }: ContextFile): string {
  const name = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const known = Object.hasOwn(contexts, name) ? contexts[name]?.url : undefined;
  if (known === undefined || known === url) return name;
  const reason = `this context is the control plane at ${known}. Specify another name with --name`;
  throw usage(`Cannot log in to ${url} as "${name}": ${reason}`);
}

interface LoggedIn {
  context: Context;
  token: TokenView;
}

/** A login whose control plane is known before anything is sent. */
interface Login {
  url: string;
  logIn(): Promise<LoggedIn>;
}

function chooseLogin(flags: LoginFlags): Login {
  assertSafeEnvironment();
  const { string, server } = flags;
  if (string === undefined) {
    if (server !== undefined) {
      return { url: parseServer(server).url, logIn: () => logInWithToken(flags) };
    }
    const ways = "a URL with an OpenID provider, a login string, or --server and --token-file";
    throw usage(`Missing argument STRING: specify ${ways}`);
  }
  if (server !== undefined || flags["token-file"] !== undefined) {
    throw usage("STRING and --server or --token-file cannot be combined: the string has both");
  }
  if (/^\w+:\/\//.test(string)) {
    const { url } = parseServer(string);
    return { url, logIn: () => logInWithBrowser(url, flags) };
  }
  const login = parseLogin(readString(string));
  return { url: login.url, logIn: () => logInWithString(login, flags) };
}

/** Logs in at the OpenID provider of the control plane, which then creates a token. */
async function logInWithBrowser(url: string, flags: LoginFlags): Promise<LoggedIn> {
  const ca = flags.ca === undefined ? undefined : readCaFile(flags.ca);
  const runtime = await loadRuntime();
  const fetch = controlPlaneFetch(runtime.fetchWith, url, toTrust({ ca }));
  const token = await deviceLogin({ url, fetch });
  return { context: { url, token: token.token, ...(ca === undefined ? {} : { ca }) }, token };
}

/** Verifies the authority before the secret is sent, and exchanges the string for a token. */
async function logInWithString(
  login: ReturnType<typeof parseLogin>,
  flags: LoginFlags,
): Promise<LoggedIn> {
  const { url, others = [], fingerprint } = login;
  const given = flags.ca === undefined ? undefined : readCaFile(flags.ca);
  const ca =
    fingerprint === undefined ? given : await firstAuthority([url, ...others], fingerprint);
  const runtime = await loadRuntime();
  const fetch = nodesFetch(runtime.fetchWith, [url, ...others], toTrust({ ca }));
  const access = { url, token: login.token, fetch };
  const { body } = await ask(access, "POST", "/api/v1/login", {}, undefined).catch((error) => {
    if (!(error instanceof WsctlError) || error.code !== "UNAUTHORIZED") throw error;
    const reason = "it was used or revoked, or has expired";
    const advice = 'Create another with "wsctl tokens create --login"';
    throw new WsctlError("UNAUTHORIZED", `${url} rejected the login string: ${reason}. ${advice}`);
  });
  const token = body as NewToken;
  const nodes = others.length === 0 ? {} : { others };
  const context = { url, ...nodes, token: token.token, ...(ca === undefined ? {} : { ca }) };
  return { context, token };
}

/** Any node has the authority of the cluster. */
async function firstAuthority(urls: readonly string[], fingerprint: string): Promise<string> {
  let failure: unknown;
  for (const url of urls) {
    try {
      return await fetchAuthority(url, fingerprint);
    } catch (error) {
      if (!(error instanceof WsctlError) || error.code !== "UNREACHABLE") throw error;
      failure ??= error;
    }
  }
  throw failure;
}

async function logInWithToken(flags: LoginFlags): Promise<LoggedIn> {
  const { url, token, trust } = readConnection(flags);
  const runtime = await loadRuntime();
  const fetch = controlPlaneFetch(runtime.fetchWith, url, trust);
  const client = new Client({ url, token, fetch });
  return { context: { url, token, ...toStoredTrust(trust) }, token: await client.whoami() };
}

function readString(given: string): string {
  if (given === "-") return readStdin();
  if (!given.startsWith("@")) return given;
  return readTrustedFile("Argument STRING", given.slice(1));
}
