/**
 * What stops this host from connecting: one check after another along the way to the control
 * plane, each with what was seen and, where it failed, how to fix it. The first failure ends it,
 * for nothing behind it can work.
 */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { Client } from "./client.ts";

export interface Check {
  name: "address" | "dns" | "tcp" | "tls" | "control plane" | "token" | "clock";
  ok: boolean;
  /** What was seen, in plain words. */
  text: string;
  /** What to do about it. */
  fix?: string;
}

export interface DiagnoseOptions {
  url: string;
  token: string;
  ca?: string;
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
    const fix = "give --server as http(s)://HOST:PORT or ws(s)://HOST:PORT";
    return [{ name: "address", ok: false, text: `"${options.url}" is no URL`, fix }];
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
    return { name: "dns", ok: true, text: `${host} is ${addresses}` };
  } catch (error) {
    const fix = `correct the host name, or add it to the DNS or to /etc/hosts`;
    return { name: "dns", ok: false, text: `"${host}" has no address: ${errorText(error)}`, fix };
  }
}

async function checkTcp(url: URL): Promise<Check> {
  const port = resolvePort(url);
  const fault = await attempt((done) => {
    const socket = connectTcp({ host: bareHost(url), port }, () => done());
    socket.once("error", done);
    return () => socket.destroy();
  });
  if (fault === undefined) return { name: "tcp", ok: true, text: `port ${port} answers` };
  const fix = /refused/i.test(fault)
    ? `start "wsctl serve" there, or correct the port; by default it listens on loopback only (--host)`
    : `a firewall or a wrong address stands in between: open port ${port} from this host`;
  return { name: "tcp", ok: false, text: `cannot connect to port ${port}: ${fault}`, fix };
}

async function checkTls(url: URL, { ca }: DiagnoseOptions): Promise<Check> {
  const host = bareHost(url);
  const fault = await attempt((done) => {
    const trust = ca === undefined ? {} : { ca };
    // An address is no server name; its certificate must name it as an address.
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connectTls({ host, port: resolvePort(url), ...name, ...trust }, () => done());
    socket.once("error", done);
    return () => socket.destroy();
  });
  if (fault === undefined) return { name: "tls", ok: true, text: "the certificate is trusted" };
  if (/wrong.version.number|packet length|not.*TLS|http.request/i.test(fault)) {
    const text = `port ${resolvePort(url)} answers, but speaks no TLS`;
    const fix =
      "use ws:// or http:// for this address, or start serve with --tls-cert and --tls-key";
    return { name: "tls", ok: false, text, fix };
  }
  const fix = /self|issuer|unable to|unknown/i.test(fault)
    ? "give the certificate of its authority with --ca FILE"
    : "use a host name that the certificate names, or renew the certificate; check this host's clock";
  return { name: "tls", ok: false, text: `the TLS handshake failed: ${fault}`, fix };
}

async function checkHealth(options: DiagnoseOptions): Promise<{ health: Check; clock?: Check }> {
  const name = "control plane";
  const fix = "check that this address is a wsctl serve, with nothing else in front of it";
  try {
    const startedAt = Date.now();
    const response = await options.fetch(`${options.url}/healthz`, {
      signal: AbortSignal.timeout(waitMs),
    });
    const body = (await response.json()) as { status?: string; time?: string } | null;
    const { status, time } = body ?? {};
    if (status !== "ok") return { health: { name, ok: false, text: "it is not healthy", fix } };
    const health: Check = { name, ok: true, text: "it is a wsctl serve, and healthy" };
    if (time === undefined) return { health };
    return { health, clock: checkClock(Date.parse(time) - (startedAt + Date.now()) / 2) };
  } catch (error) {
    return { health: { name, ok: false, text: `no answer of ours: ${errorText(error)}`, fix } };
  }
}

async function checkToken(options: DiagnoseOptions): Promise<Check> {
  try {
    const { role, token_id } = await new Client(options).whoami();
    return { name: "token", ok: true, text: `token ${token_id}, role ${role}` };
  } catch (error) {
    const code = error instanceof WsctlError ? error.code : undefined;
    // An agent's token may not ask who it is, and that it was told so proves the token.
    if (code === "FORBIDDEN") return { name: "token", ok: true, text: "an agent's token" };
    const fix =
      code === "UNAUTHORIZED"
        ? 'make a new one with "wsctl tokens create" on the control plane\'s host'
        : "run the command again; if it stays, look at the control plane's log";
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
    fix: "set both clocks by NTP (timedatectl set-ntp true)",
  };
}

/** Runs one attempt to connect; undefined when it succeeded, otherwise why not. */
function attempt(
  start: (done: (error?: Error) => void) => () => void,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let end = () => {};
    const timer = setTimeout(() => settle(`no answer within ${waitMs / 1000} s`), waitMs);
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
