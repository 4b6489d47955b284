/** Finds the authority of a control plane by the fingerprint that a join or login string has. */
import type { PeerCertificate } from "node:tls";
import { computeFingerprint } from "../protocol/api/joinString.ts";
import { WsctlError } from "../protocol/errors.ts";
import { connectTimeoutMs } from "../protocol/limits.ts";
import { plainReason } from "./connectionError.ts";
import { findProxy } from "./proxyRules.ts";
import { openTls } from "./tunnel.ts";

/**
 * Returns the PEM text of the authority in the server's certificate chain whose key has this
 * fingerprint. Nothing is sent on this connection, and nothing else that it presents is trusted.
 * @throws {WsctlError} UNREACHABLE without a connection, FORBIDDEN if the authority is another one
 */
export async function fetchAuthority(url: string, fingerprint: string): Promise<string> {
  const target = new URL(url);
  const dial = { proxy: findProxy(target, process.env), timeoutMs: connectTimeoutMs };
  const socket = await openTls(target, "any", dial).catch((error) => {
    const text = `Cannot reach the control plane at ${url}: ${plainReason(error)}`;
    throw new WsctlError("UNREACHABLE", text, { cause: error });
  });
  const chain = readChain(socket.getPeerCertificate(true));
  socket.destroy();
  const found = chain.find((raw) => computeFingerprint(raw) === fingerprint);
  if (found !== undefined) return toPem(found);
  const text = `${url} is not the control plane that this string is from: its authority has another fingerprint. Nothing was sent to it`;
  throw new WsctlError("FORBIDDEN", text);
}

/** Returns the chain from the leaf up to the first self-issued certificate. */
function readChain(leaf: PeerCertificate | undefined): Buffer[] {
  const chain: Buffer[] = [];
  let each = leaf as (PeerCertificate & { issuerCertificate?: PeerCertificate }) | undefined;
  while (each?.raw !== undefined && chain.length < 10) {
    chain.push(each.raw);
    const issuer = each.issuerCertificate;
    each = issuer === each ? undefined : issuer;
  }
  return chain;
}

function toPem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
