/**
 * The join string for a new host: the address of the control plane, the fingerprint of its CA, and
 * a one-time secret. The fingerprint is verified before the secret is sent.
 */
import { createHash, X509Certificate } from "node:crypto";
import { WsctlError } from "../errors.ts";
import { parseServerAddress } from "./serverAddress.ts";

export interface Join {
  /**
   * `https://HOST:PORT[/PATH]`, or `http://…` on loopback or if plain text is allowed. There is no
   * slash at the end.
   */
  url: string;
  /** SHA-256 of the CA's public key (SPKI, RFC 5280), base64url; absent if systems trust the CA. */
  fingerprint?: string;
  token: string;
  /** The only agent that may use it. */
  agentId?: string;
}

const prefix = "wsj1";
const shape = /^wsj1\.([\w-]{43}|-)\.([\w-]+)\.(wsctl-[0-9a-f]{12}-[0-9a-f]{64})(?:\.([\w-]+))?$/;

export function joinString({ url, fingerprint = "-", token, agentId }: Join): string {
  const name = agentId === undefined ? [] : [decodeText(agentId)];
  return [prefix, fingerprint, decodeText(url), token, ...name].join(".");
}

/**
 * Parses a join string. The error never repeats the text, which contains a secret.
 *
 * @throws {WsctlError} USAGE
 */
export function parseJoin(text: string): Join {
  const [, fingerprint, place = "", token, name] = shape.exec(text.trim()) ?? [];
  const url = Buffer.from(place, "base64url").toString();
  if (token === undefined || fingerprint === undefined || !isBase(url)) {
    const advice = 'Copy the whole output of "wsctl tokens create --join"';
    throw new WsctlError("USAGE", `Invalid or truncated join string. ${advice}`);
  }
  return {
    url,
    token,
    ...(fingerprint === "-" ? {} : { fingerprint }),
    ...(name === undefined ? {} : { agentId: Buffer.from(name, "base64url").toString() }),
  };
}

function isBase(url: string): boolean {
  return /^https?:/.test(url) && parseServerAddress(url)?.url === url;
}

/** Returns the SHA-256 of the public key of a certificate in PEM or DER. */
export function computeFingerprint(certificate: string | Uint8Array): string {
  const { publicKey } = new X509Certificate(certificate);
  const spki = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64url");
}

function decodeText(text: string): string {
  return Buffer.from(text).toString("base64url");
}
