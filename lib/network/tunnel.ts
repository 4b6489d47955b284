/** TCP and TLS connections for which no HTTP client is used, with or without a proxy. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { ProxyError } from "./connectionError.ts";
import { type HttpProxy, proxyHeaders } from "./proxyRules.ts";
import { systemBundle, type Trust } from "./trust.ts";

export interface DialOptions {
  /** See `findProxy`. */
  proxy: HttpProxy | undefined;
  /** Milliseconds after which each step of the connection fails. */
  timeoutMs: number;
}

/** Opens a TCP connection to the host of a URL. */
export function openTcp(target: URL, { proxy, timeoutMs }: DialOptions): Promise<Socket> {
  return proxy === undefined
    ? openDirect(target, timeoutMs)
    : openTunnel(target, proxy, timeoutMs).catch((error) => {
        throw new ProxyError(proxy.url, error);
      });
}

/**
 * Opens a TLS connection to the host of a URL.
 *
 * @param trust `any` accepts every certificate: nothing may be sent on the connection.
 */
export async function openTls(
  target: URL,
  trust: Trust | "any",
  dial: DialOptions,
): Promise<TLSSocket> {
  const { timeoutMs } = dial;
  const socket = await openTcp(target, dial);
  const { ca = systemBundle(), serverName } = trust === "any" ? {} : trust;
  const host = serverName ?? bareHost(target);
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      rejectUnauthorized: trust !== "any",
      // SNI does not allow an IP address (RFC 6066, section 3).
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca === undefined ? {} : { ca }),
    });
    settle(secure, timeoutMs, "secureConnect", () => resolve(secure), reject);
  });
}

/** The host of a URL without brackets. */
export function bareHost(target: URL): string {
  return target.hostname.replace(/^\[|\]$/g, "");
}

/** The port of a URL, also if it is the default of its scheme. */
export function portOf(target: URL): number {
  return Number(target.port) || (/^(https|wss):$/.test(target.protocol) ? 443 : 80);
}

function openDirect(target: URL, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: bareHost(target), port: portOf(target) });
    settle(socket, timeoutMs, "connect", () => resolve(socket), reject);
  });
}

/** Asks the proxy for a tunnel (RFC 9110, section 9.3.6). */
function openTunnel(target: URL, proxy: HttpProxy, timeoutMs: number): Promise<Socket> {
  const at = new URL(proxy.url);
  const authority = `${target.hostname}:${portOf(target)}`;
  const request = at.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request({
      host: bareHost(at),
      port: portOf(at),
      method: "CONNECT",
      path: authority,
      headers: { Host: authority, ...proxyHeaders(proxy) },
    });
    // The timeout of a request does not include the TLS handshake with the proxy.
    const timer = setTimeout(
      () => asked.destroy(new Error(`timed out after ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    asked.once("connect", (response, socket) => {
      clearTimeout(timer);
      if (response.statusCode === 200) return resolve(socket as Socket);
      socket.destroy();
      const status = `${response.statusCode} ${response.statusMessage ?? ""}`.trim();
      reject(new Error(`no tunnel to ${authority}: ${status}`));
    });
    asked.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.end();
  });
}

function settle(
  socket: Socket,
  timeoutMs: number,
  event: "connect" | "secureConnect",
  done: () => void,
  failed: (error: Error) => void,
): void {
  const timer = setTimeout(
    () => socket.destroy(new Error(`timed out after ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  socket.once(event, () => {
    clearTimeout(timer);
    socket.off("error", failed);
    // Without a listener, a later error would end the process.
    socket.on("error", () => {});
    done();
  });
  socket.once("error", (error) => {
    clearTimeout(timer);
    failed(error);
  });
}
