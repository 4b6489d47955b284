/**
 * The join string for a new host: the addresses of the control plane, the fingerprint of its CA,
 * and a one-time secret. The fingerprint is verified before the secret is sent.
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
  /** The other nodes of a cluster, which share the CA. */
  others?: string[];
  /** SHA-256 of the CA's public key (SPKI, RFC 5280), base64url; absent if systems trust the CA. */
  fingerprint?: string;
  token: string;
  /** The only agent that may use it. */
  agentId?: string;
}

/** A login string is for an operator's own machine, and has no agent. */
const prefixes = { join: "wsj1", login: "wsl1" } as const;
type StringKind = keyof typeof prefixes;

/** No URL has it. */
const separator = " ";

const shape =
  /^(wsj1|wsl1)\.([\w-]{43}|-)\.([\w-]+)\.(wsctl-[0-9a-f]{12}-[0-9a-f]{64})(?:\.([\w-]+))?$/;

export function joinString(join: Join): string {
  return encode("join", join);
}

export function loginString(login: Omit<Join, "agentId">): string {
  return encode("login", login);
}

function encode(kind: StringKind, join: Join): string {
  const { url, others = [], fingerprint = "-", token, agentId } = join;
  const name = agentId === undefined ? [] : [decodeText(agentId)];
  const places = decodeText([url, ...others].join(separator));
  return [prefixes[kind], fingerprint, places, token, ...name].join(".");
}

/**
 * Parses a join string. The error never repeats the text, which contains a secret.
 *
 * @throws {WsctlError} USAGE
 */
export function parseJoin(text: string): Join {
  return parse("join", text);
}

/**
 * Parses a login string. The error never repeats the text, which contains a secret.
 *
 * @throws {WsctlError} USAGE
 */
export function parseLogin(text: string): Join {
  return parse("login", text);
}

function parse(kind: StringKind, text: string): Join {
  const [, prefix, fingerprint, place = "", token, name] = shape.exec(text.trim()) ?? [];
  const places = Buffer.from(place, "base64url").toString().split(separator);
  const [url = "", ...others] = places;
  if (token === undefined || fingerprint === undefined || !places.every(isBase)) {
    const advice = `Copy the whole output of "wsctl tokens create --${kind}"`;
    throw new WsctlError("USAGE", `Invalid or truncated ${kind} string. ${advice}`);
  }
  if (prefix !== prefixes[kind]) {
    const other =
      kind === "join"
        ? 'a login string: use it with "wsctl login"'
        : 'a join string: use it with "wsctl agent --join"';
    throw new WsctlError("USAGE", `Invalid ${kind} string: it is ${other}`);
  }
  return {
    url,
    ...(others.length === 0 ? {} : { others }),
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
