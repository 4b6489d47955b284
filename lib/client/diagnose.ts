/**
 * Diagnoses the connection to the control plane: one check after another along the path, each with
 * its result and, if it failed, a fix. It stops at the first failure, because later checks depend
 * on earlier ones. A check is ok only if what it names was done.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { findCaFault } from "../network/caFile.ts";
import { plainReason } from "../network/connectionError.ts";
import { findProxy, type HttpProxy } from "../network/proxyRules.ts";
import type { Trust } from "../network/trust.ts";
import { bareHost, type DialOptions, openTcp, openTls, portOf } from "../network/tunnel.ts";
import type { ServerAddress } from "../protocol/api/serverAddress.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Client } from "./client.ts";
import { type ProbeResult, probe } from "./probe.ts";

export interface Check {
  name:
    | "address"
    | "proxy"
    | "dns"
    | "tcp"
    | "tls"
    | "control plane"
    | "upgrade"
    | "agent"
    | "token"
    | "clock";
  ok: boolean;
  /** The result, in plain words. */
  text: string;
  /** How to fix the problem. */
  fix?: string;
}

export interface DiagnoseOptions extends ServerAddress {
  trust: Trust;
  /** The token of an operator or of an agent; undefined for an agent with a key. */
  token: string | undefined;
  /** Returns the Authorization header of a call. */
  authorization(): Promise<string>;
  runtime: Pick<Runtime, "connect" | "fetchWith">;
}

interface Target {
  options: DiagnoseOptions;
  url: URL;
  proxy: HttpProxy | undefined;
  dial: DialOptions;
}

const timeoutMs = 5_000;
const skewMsMax = 5_000;

export async function diagnose(options: DiagnoseOptions): Promise<Check[]> {
  const url = new URL(options.url);
  const proxy = findProxy(url, process.env);
  const target = { options, url, proxy, dial: { proxy, timeoutMs } };
  const checks: Check[] = [{ name: "address", ok: true, text: options.url }];
  // An address needs no DNS, and the name of a host behind a proxy is resolved by the proxy.
  const dns = isIP(bareHost(url)) === 0 ? [checkDns] : [];
  const steps =
    proxy === undefined
      ? [...dns, checkTcp, ...(url.protocol === "https:" ? [checkTls] : [])]
      : [checkProxy, ...(url.protocol === "https:" ? [checkTls] : [])];
  for (const step of steps) {
    const check = await step(target);
    checks.push(check);
    if (!check.ok) return checks;
  }
  const { health, clock } = await checkHealth(target);
  checks.push(health);
  if (!health.ok) return checks;
  checks.push(...(await checkCredentials(options)));
  if (clock !== undefined) checks.push(clock);
  return checks;
}

async function checkProxy({ url, dial, proxy }: Target): Promise<Check> {
  const name = "proxy";
  const at = `${bareHost(url)}:${portOf(url)}`;
  const fault = await findFault(openTcp(url, dial));
  if (fault === undefined) return { name, ok: true, text: `${proxy?.url} opens ${at}` };
  const fix = "Correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY, or add the host to NO_PROXY";
  return { name, ok: false, text: `cannot reach ${at} ${fault}`, fix };
}

async function checkDns({ url }: Target): Promise<Check> {
  const host = bareHost(url);
  try {
    const found = await lookup(host, { all: true });
    const addresses = found.map(({ address }) => address).join(", ");
    return { name: "dns", ok: true, text: `${host} resolves to ${addresses}` };
  } catch (error) {
    const fix = `Correct the host name, or add it to the DNS or to /etc/hosts`;
    return { name: "dns", ok: false, text: `"${host}" does not resolve: ${errorText(error)}`, fix };
  }
}

async function checkTcp({ url, dial }: Target): Promise<Check> {
  const port = portOf(url);
  const fault = await findFault(openTcp(url, dial));
  if (fault === undefined) return { name: "tcp", ok: true, text: `port ${port} is open` };
  const fix = /refused/i.test(fault)
    ? `Start "wsctl serve" on that host, or correct the port. By default it listens on loopback only (--host)`
    : `Check the address, and open port ${port} in firewalls between the hosts`;
  return { name: "tcp", ok: false, text: `cannot connect to port ${port}: ${fault}`, fix };
}

async function checkTls({ url, dial, options: { trust } }: Target): Promise<Check> {
  const name = "tls";
  const fault = await findFault(openTls(url, trust, dial));
  if (fault === undefined) return { name, ok: true, text: "the certificate is trusted" };
  if (/does not speak TLS/.test(fault)) {
    const text = `port ${portOf(url)} does not speak TLS`;
    const fix =
      "Use ws:// or http:// for this address, or start serve with --tls-cert and --tls-key";
    return { name, ok: false, text, fix };
  }
  return { name, ok: false, text: `the TLS handshake failed: ${fault}`, fix: tlsFix(fault, trust) };
}

function tlsFix(fault: string, { ca }: Trust): string {
  if (/names/.test(fault)) {
    return "Use a host name of the certificate, or add this one with wsctl serve --advertise";
  }
  if (/expired|not yet valid/.test(fault))
    return "Renew the certificate. Check the clock of this host";
  if (!/issuer|self-signed/.test(fault)) return "Check what listens at this address";
  if (ca === undefined) {
    return "Specify the certificate of its CA with --ca FILE, or add it to the system's CAs or to SSL_CERT_FILE";
  }
  const lack = findCaFault(ca);
  return lack !== undefined
    ? `Append the root certificate to the file of --ca: ${lack}`
    : "Specify the root certificate of its CA with --ca FILE, and append intermediate certificates to the file of the server's certificate";
}

async function checkHealth(target: Target): Promise<{ health: Check; clock?: Check }> {
  const { url, trust, runtime } = target.options;
  const name = "control plane";
  const fix = "Check that this address is a wsctl serve, and that a reverse proxy passes it on";
  const failed = (text: string) => ({ health: { name, ok: false, text, fix } as const });
  try {
    const startedAt = Date.now();
    const response = await runtime.fetchWith(trust)(`${url}/healthz`, {
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    const { status, time } = parseHealth(text);
    if (status !== "ok") {
      const start = text.replace(/\s+/g, " ").slice(0, 100);
      return failed(`no wsctl server: status ${response.status} from ${url}/healthz: ${start}`);
    }
    const health: Check = { name, ok: true, text: "healthy" };
    if (time === undefined) return { health };
    return { health, clock: checkClock(Date.parse(time) - (startedAt + Date.now()) / 2) };
  } catch (error) {
    const reason = plainReason(error);
    const { health } = failed(`no response: ${reason}`);
    // A server that serves TLS closes an unencrypted connection without a word.
    const mayBeTls = url.startsWith("http:") && reason === "connection lost";
    return {
      health: mayBeTls ? { ...health, fix: "Use https://, if the server uses TLS" } : health,
    };
  }
}

function parseHealth(text: string): { status?: string; time?: string } {
  try {
    return (JSON.parse(text) as { status?: string; time?: string } | null) ?? {};
  } catch {
    // The caller reports the text.
    return {};
  }
}

/** The WebSocket, and what the credentials permit: the API, or the connection of an agent. */
async function checkCredentials(options: DiagnoseOptions): Promise<Check[]> {
  const tried = await probe(options);
  const fix = "Join again, or ask an administrator: wsctl agents";
  if (isCredentialRefused(tried)) {
    const text = `the control plane refuses the credentials: ${tried.reason}`;
    return [{ name: "agent", ok: false, text, fix }];
  }
  const upgrade = checkUpgrade(options, tried);
  if (!upgrade.ok) return [upgrade];
  if (tried.agentId !== undefined) {
    const text = `hello and welcome as agent ${tried.agentId}`;
    return [upgrade, { name: "agent", ok: true, text }];
  }
  if (options.token !== undefined) return [upgrade, await checkToken(options, options.token)];
  return [upgrade, { name: "agent", ok: false, text: tried.reason, fix }];
}

/** A key is refused before the upgrade; without credentials the address answers otherwise. */
function isCredentialRefused({ refusal }: ProbeResult): boolean {
  return refusal !== undefined && refusal.body === undefined && [401, 403].includes(refusal.status);
}

function checkUpgrade({ agentUrl }: DiagnoseOptions, tried: ProbeResult): Check {
  const name = "upgrade";
  if (tried.isOpen) return { name, ok: true, text: `the WebSocket opens at ${agentUrl}` };
  const text = `agents cannot connect at ${agentUrl}: ${tried.reason}`;
  const status = tried.refusal?.status;
  const fix =
    status === 426 || status === 400
      ? "Configure the reverse proxy to pass on the headers Upgrade and Connection of WebSockets"
      : status === 404 || (status !== undefined && status < 400)
        ? "Check the path of the address: the reverse proxy does not pass it on to wsctl serve"
        : "Follow the text of the response. Check the reverse proxy and the log of the control plane";
  return { name, ok: false, text, fix };
}

async function checkToken(options: DiagnoseOptions, token: string): Promise<Check> {
  const { url, trust, runtime } = options;
  try {
    const client = new Client({ url, token, fetch: runtime.fetchWith(trust) });
    const { role, token_id } = await client.whoami();
    return { name: "token", ok: true, text: `token ${token_id}, role ${role}` };
  } catch (error) {
    const code = error instanceof WsctlError ? error.code : undefined;
    const fix =
      code === "UNAUTHORIZED"
        ? 'Create a new one with "wsctl tokens create" on the host of the control plane'
        : "Run the command again. If the error persists, check the log of the control plane";
    return { name: "token", ok: false, text: errorText(error), fix };
  }
}

function checkClock(skewMs: number): Check {
  const seconds = Math.abs(skewMs / 1000).toFixed(1);
  const direction = skewMs > 0 ? "behind" : "ahead of";
  if (Math.abs(skewMs) <= skewMsMax) {
    return { name: "clock", ok: true, text: `within ${seconds} s of the control plane's` };
  }
  const text = `this host is ${seconds} s ${direction} the control plane`;
  return {
    name: "clock",
    ok: false,
    text,
    fix: "Synchronize both clocks with NTP (timedatectl set-ntp true)",
  };
}

/** Returns undefined if the connection opens, otherwise the reason in plain words. */
async function findFault(opening: Promise<{ destroy(): void }>): Promise<string | undefined> {
  try {
    (await opening).destroy();
    return undefined;
  } catch (error) {
    return plainReason(error);
  }
}
