/** What people read of a failed connection: no phrase of a runtime for its programmers. */
import { expect, test } from "bun:test";
import { ProxyError, plainReason } from "../../../lib/network/connectionError.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";

const advice = "For more information, pass `verbose: true` in the second argument to fetch()";

test.each([
  [
    `ERR_TLS_CERT_ALTNAME_INVALID fetching "https://h/". ${advice}`,
    "certificate is for other names",
  ],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames",
    "certificate is for other names",
  ],
  [
    "EPROTO: The TLS handshake failed. Does the server speak TLS on this port?: EPROTO",
    "the port does not speak TLS",
  ],
  [`CERT_HAS_EXPIRED fetching "https://h/". ${advice}`, "the certificate has expired"],
  [`UNABLE_TO_GET_ISSUER_CERT fetching "https://h/". ${advice}`, "issuer is not trusted"],
  ["invalid peer certificate: UnknownIssuer", "issuer is not trusted"],
  ["self signed certificate in certificate chain", "self-signed certificate"],
  [
    "Unable to connect. Is the computer able to access the url?: ECONNREFUSED",
    "connection refused",
  ],
  ["getaddrinfo ENOTFOUND h", "host name not found"],
  [`UnexpectedRedirect fetching "http://h/". ${advice}`, "redirects to another one"],
  ["The operation timed out.", "no response in time"],
  ["The socket connection was closed unexpectedly.", "connection lost"],
  ["error reading a body from connection", "connection lost"],
])("%s", (text, expected) => {
  expect(plainReason(new Error(text))).toContain(expected);
});

test("an unknown text stays, without the advice", () => {
  expect(plainReason(new Error(`Strange fetching "https://h/". ${advice}`))).toBe(
    'Strange fetching "https://h/"',
  );
});

test("an answer of the control plane stays as it is", () => {
  const error = new WsctlError("UNAUTHORIZED", "the token has expired or is refused");
  expect(plainReason(error)).toBe("the token has expired or is refused");
});

test("a proxy is named, whatever wraps the error", () => {
  const error = new ProxyError("http://p:1", new Error("Proxy connection failed: 403 Filtered"));
  const wrapped = new Error("outer", { cause: error });
  expect(plainReason(wrapped)).toBe(
    "through the proxy http://p:1: the proxy refuses the connection: 403 Filtered",
  );
});
