/** Errors of connections, whose texts differ by runtime, in plain words. */
import { errorText, WsctlError } from "../protocol/errors.ts";

/** A connection through a proxy failed. Its text names the proxy, without credentials. */
export class ProxyError extends Error {
  readonly proxy: string;

  constructor(proxy: string, cause: unknown) {
    super(`through the proxy ${proxy}: ${describe(joinTexts(cause))}`, { cause });
    this.name = "ProxyError";
    this.proxy = proxy;
  }
}

/** Whether the connection was never established, so that no data can have arrived. */
export function isRefused(error: unknown): boolean {
  const reason = joinTexts(error instanceof WsctlError ? error.cause : error);
  return /refused|ENOTFOUND|getaddrinfo|lookup|FailedToOpenSocket|unable to connect|cert|issuer|self.signed|PROXY_TUNNEL/i.test(
    reason,
  );
}

/** Returns what went wrong in plain words, or the runtime's own text without its advice. */
export function plainReason(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof ProxyError || isAnswer(each)) return each.message;
  }
  return describe(joinTexts(error));
}

/** Does the same for a WebSocket, and names the host if a proxy is in between. */
export function dialReason(url: string, error: unknown): string {
  const reason = plainReason(error);
  return error instanceof ProxyError ? `${new URL(url).host} ${reason}` : reason;
}

const listenReasons: Record<string, string> = {
  EADDRINUSE: "the port is in use. Stop the other program, or specify --port",
  EACCES:
    "this user may not use the port. Specify --port above 1023, or grant CAP_NET_BIND_SERVICE",
  EADDRNOTAVAIL: "no interface of this host has the address. Specify another --host",
  EINVAL: "this is no address of this host. Specify another --host",
};

/** Returns why a server cannot listen, and what to do. */
export function listenReason(error: unknown): string {
  const { code } = error as { code?: unknown };
  return (typeof code === "string" ? listenReasons[code] : undefined) ?? joinTexts(error);
}

/** Removes the advice of runtimes from a text for a log. */
export function logReason(error: unknown): string {
  return withoutAdvice(joinTexts(error));
}

/** Whether the error is a text of wsctl itself. */
function isAnswer(error: Error): boolean {
  return error instanceof WsctlError && error.cause === undefined;
}

/** Joins codes, messages and causes of an error into one line. */
function joinTexts(error: unknown): string {
  const parts: string[] = [];
  for (let each = error; each instanceof Error && parts.length < 6; each = each.cause) {
    const { code } = each as { code?: unknown };
    for (const part of [each.message, ...(typeof code === "string" ? [code] : [])]) {
      if (!parts.includes(part)) parts.push(part);
    }
  }
  return parts.length === 0 ? errorText(error) : parts.join(": ");
}

const plainReasons: [RegExp, string][] = [
  [/status 407|\b407 Proxy/i, "the proxy requires other credentials (status 407)"],
  [/refused to open a tunnel: (\d+ .*?)(?:: ERR_|$)/i, "the proxy refuses the connection: $1"],
  [/Proxy connection failed: (\d+ .*)$/i, "the proxy refuses the connection: $1"],
  [/unsuccessful tunnel/i, "the proxy refuses the connection"],
  [/no tunnel to \S+: (\d+ .*)$/i, "the proxy refuses the connection: $1"],
  [/refused/i, "connection refused"],
  [/ENOTFOUND|getaddrinfo|lookup|EAI_AGAIN/i, "host name not found"],
  [/FailedToOpenSocket|typo in the url/i, "host name not found, or host not reachable"],
  [/EHOSTUNREACH|ENETUNREACH|no route/i, "no route to the host"],
  [/timed?.?out|TimeoutError/i, "no response in time"],
  // Before the next rule, whose words are in this message, too.
  [/ALTNAME|Hostname mismatch|NotValidForName/i, "the certificate is for other names"],
  [
    /\bHTTP request\b|wrong.version.number|packet length|not.*TLS|InvalidContentType|\bEPROTO\b/i,
    "the port does not speak TLS",
  ],
  [/HAS_EXPIRED|certificate (has )?expired/i, "the certificate has expired"],
  [/NOT_YET_VALID|not yet valid/i, "the certificate is not yet valid"],
  [/SELF_SIGNED|self.signed/i, "self-signed certificate: no CA that this host trusts issued it"],
  [
    /UNABLE_TO_(VERIFY|GET)|unable to (verify|get)|UnknownIssuer|unknown.issuer|LOCAL_ISSUER/i,
    "the certificate's issuer is not trusted or not sent",
  ],
  [/UnexpectedRedirect|redirect/i, "the address redirects to another one: specify that one"],
  [/reset|closed unexpectedly|hang up|reading a body from/i, "connection lost"],
  [/failed to connect/i, "connection lost before a response"],
];

function describe(text: string): string {
  for (const [pattern, plain] of plainReasons) {
    const match = pattern.exec(text);
    if (match !== null) return plain.replace("$1", match[1] ?? "");
  }
  return withoutAdvice(text);
}

/** Removes what runtimes advise their programmers, such as options of `fetch`. */
function withoutAdvice(text: string): string {
  return text
    .replace(/\.?\s*For more information, pass `verbose: true`[^.]*?fetch\(\)/gi, "")
    .replace(/WebSocket connection to '[^']*' failed: /g, "");
}
