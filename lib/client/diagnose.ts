/**
 * Diagnoses the connection to the control plane: one check after another along the path, each with
 * its result and, if it failed, a fix. It stops at the first failure, because later checks depend
 * on earlier ones.
 */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Trust } from "../network/trust.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { Client } from "./client.ts";

export interface Check {
  name: "address" | "dns" | "tcp" | "tls" | "control plane" | "token" | "clock";
  ok: boolean;
  /** The result, in plain words. */
  text: string;
  /** How to fix the problem. */
  fix?: string;
}

export interface DiagnoseOptions {
  url: string;
  token: string;
  trust: Trust;
  fetch: typeof fetch;
}

const waitMs = 5_000;
const skewMsMax = 5_000;

export async function diagnose(options: DiagnoseOptions): Promise<Check[]> {
  const checks: Check[] = [];
  let url: URL;
  try {
    url = new URL(options.url);
  } catch {
    const fix = "Specify --server as http(s)://HOST:PORT or ws(s)://HOST:PORT";
    return [{ name: "address", ok: false, text: `"${options.url}" is not a URL`, fix }];
  }
  checks.push({ name: "address", ok: true, text: options.url });
  const steps = [checkDns, checkTcp, ...(url.protocol === "https:" ? [checkTls] : [])];
  for (const step of steps) {
    const check = await step(url, options);
    checks.push(check);
    if (!check.ok) return checks;
  }
  const { health, clock } = await checkHealth(options);
  checks.push(health);
  if (!health.ok) return checks;
  checks.push(await checkToken(options));
  if (clock !== undefined) checks.push(clock);
  return checks;
}

async function checkDns(url: URL): Promise<Check> {
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

async function checkTcp(url: URL): Promise<Check> {
  const port = resolvePort(url);
  const fault = await attempt((done) => {
    const socket = connectTcp({ host: bareHost(url), port }, () => done());
    socket.once("error", done);
    return () => socket.destroy();
  });
  if (fault === undefined) return { name: "tcp", ok: true, text: `port ${port} is open` };
  const fix = /refused/i.test(fault)
    ? `Start "wsctl serve" on that host, or correct the port. By default it listens on loopback only (--host)`
    : `Check the address, and open port ${port} in firewalls between the hosts`;
  return { name: "tcp", ok: false, text: `cannot connect to port ${port}: ${fault}`, fix };
}

async function checkTls(url: URL, { trust: { ca, serverName } }: DiagnoseOptions): Promise<Check> {
  const host = bareHost(url);
  const fault = await attempt((done) => {
    const trust = ca === undefined ? {} : { ca };
    // SNI does not allow an IP address; the certificate must contain it as an address.
    const name = isIP(host) === 0 || serverName ? { servername: serverName ?? host } : {};
    const socket = connectTls({ host, port: resolvePort(url), ...name, ...trust }, () => done());
    socket.once("error", done);
    return () => socket.destroy();
  });
  if (fault === undefined) return { name: "tls", ok: true, text: "the certificate is trusted" };
  if (/wrong.version.number|packet length|not.*TLS|http.request/i.test(fault)) {
    const text = `port ${resolvePort(url)} does not speak TLS`;
    const fix =
      "Use ws:// or http:// for this address, or start serve with --tls-cert and --tls-key";
    return { name: "tls", ok: false, text, fix };
  }
  const fix = /self|issuer|unable to|unknown/i.test(fault)
    ? "Specify the certificate of its CA with --ca FILE"
    : "Use a host name of the certificate, or renew the certificate. Check the clock of this host";
  return { name: "tls", ok: false, text: `the TLS handshake failed: ${fault}`, fix };
}

async function checkHealth(options: DiagnoseOptions): Promise<{ health: Check; clock?: Check }> {
  const name = "control plane";
  const fix = "Check that this address is a wsctl serve, without another server in front of it";
  try {
    const startedAt = Date.now();
    const response = await options.fetch(`${options.url}/healthz`, {
      signal: AbortSignal.timeout(waitMs),
    });
    const body = (await response.json()) as { status?: string; time?: string } | null;
    const { status, time } = body ?? {};
    if (status !== "ok") return { health: { name, ok: false, text: "not healthy", fix } };
    const health: Check = { name, ok: true, text: "healthy" };
    if (time === undefined) return { health };
    return { health, clock: checkClock(Date.parse(time) - (startedAt + Date.now()) / 2) };
  } catch (error) {
    return {
      health: {
        name,
        ok: false,
        text: `unexpected response, not a wsctl server: ${errorText(error)}`,
        fix,
      },
    };
  }
}

async function checkToken(options: DiagnoseOptions): Promise<Check> {
  try {
    const { role, token_id } = await new Client(options).whoami();
    return { name: "token", ok: true, text: `token ${token_id}, role ${role}` };
  } catch (error) {
    const code = error instanceof WsctlError ? error.code : undefined;
    // An agent's token may not call this route, and the error proves that the token is valid.
    if (code === "FORBIDDEN") return { name: "token", ok: true, text: "an agent's token" };
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

/** Makes one connection attempt. Returns undefined if it succeeds, otherwise the error. */
function attempt(
  start: (done: (error?: Error) => void) => () => void,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let end = () => {};
    const timer = setTimeout(() => settle(`no response within ${waitMs / 1000} s`), waitMs);
    const settle = (fault: string | undefined) => {
      clearTimeout(timer);
      end();
      resolve(fault);
    };
    end = start((error) => settle(error === undefined ? undefined : errorText(error)));
  });
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function resolvePort(url: URL): number {
  return Number(url.port) || (url.protocol === "https:" ? 443 : 80);
}
