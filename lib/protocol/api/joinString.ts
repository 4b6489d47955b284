/**
 * The one string that brings a host into the fleet: where the control plane is, by which authority
 * it is known, and a secret that is good for one agent. The authority is compared before the secret
 * is sent.
 */
import { createHash, X509Certificate } from "node:crypto";
import { WsctlError } from "../errors.ts";

export interface Join {
  /** `https://HOST:PORT`, or `http://…` on one host or behind a flag. */
  url: string;
  /** SHA-256 of the authority's public key (SPKI), base64url; absent where systems know it. */
  fingerprint?: string;
  token: string;
  /** The only agent it is good for. */
  agentId?: string;
}

const prefix = "wsj1";
const shape = /^wsj1\.([\w-]{43}|-)\.([\w-]+)\.(wsctl-[0-9a-f]{12}-[0-9a-f]{64})(?:\.([\w-]+))?$/;

export function joinString({ url, fingerprint = "-", token, agentId }: Join): string {
  const name = agentId === undefined ? [] : [decodeText(agentId)];
  return [prefix, fingerprint, decodeText(url), token, ...name].join(".");
}

/** Throws `USAGE`; never repeats what it was given, which holds a secret. */
export function parseJoin(text: string): Join {
  const [, fingerprint, place = "", token, name] = shape.exec(text.trim()) ?? [];
  const url = Buffer.from(place, "base64url").toString();
  if (token === undefined || fingerprint === undefined || !/^https?:\/\/[^/?#\s]+$/.test(url)) {
    const pacing = 'give the whole of what "wsctl tokens create --join" has printed';
    throw new WsctlError("USAGE", `The join string is not one, or not all of one: ${pacing}`);
  }
  return {
    url,
    token,
    ...(fingerprint === "-" ? {} : { fingerprint }),
    ...(name === undefined ? {} : { agentId: Buffer.from(name, "base64url").toString() }),
  };
}

/** Of a certificate, PEM or DER: SHA-256 of its public key. */
export function computeFingerprint(certificate: string | Uint8Array): string {
  const { publicKey } = new X509Certificate(certificate);
  const spki = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64url");
}

function decodeText(text: string): string {
  return Buffer.from(text).toString("base64url");
}
