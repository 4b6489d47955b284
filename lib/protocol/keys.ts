/**
 * Ed25519 keys (RFC 8032) that sign releases, commands and connections. Private keys are PEM
 * (PKCS#8); public keys are one word of text.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { WsctlError } from "./errors.ts";

const prefix = "wsctl-ed25519:";
const rawBytes = 32;
const signatureBytes = 64;
/** The prefix of the 32 bytes of an Ed25519 key in SPKI form (RFC 8410). */
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");

export interface PublicKey {
  /** `wsctl-ed25519:…`. Two keys are equal if their texts are. */
  text: string;
  /** A short id for people: 16 hexadecimal digits of its hash. */
  id: string;
  verifies(message: Uint8Array, signature: Uint8Array): boolean;
}

export interface PrivateKey {
  publicKey: PublicKey;
  sign(message: Uint8Array): Uint8Array;
}

export interface NewKey {
  /** PKCS#8. With a passphrase it is encrypted (PBES2, AES-256-CBC). */
  pem: string;
  publicKey: PublicKey;
}

export function generateKey(passphrase?: string): NewKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const lock = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const pem = privateKey.export({ type: "pkcs8", format: "pem", ...lock }).toString();
  return { pem, publicKey: fromKey(publicKey) };
}

/**
 * Reads a private key.
 *
 * @throws {WsctlError} USAGE if it is not an Ed25519 key or the passphrase is missing or wrong
 */
export function readPrivateKey(pem: string, passphrase?: string): PrivateKey {
  const isLocked = pem.includes("ENCRYPTED PRIVATE KEY");
  if (isLocked && passphrase === undefined) {
    throw usage("Private key is encrypted and needs a passphrase");
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(isLocked ? { key: pem, passphrase: passphrase ?? "" } : pem);
  } catch (error) {
    const why = isLocked ? "Wrong passphrase for the private key" : "No private key in PEM found";
    throw usage(why, error);
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw usage(`Private key must be of the type ed25519, but is ${key.asymmetricKeyType}`);
  }
  return {
    publicKey: fromKey(createPublicKey(key)),
    sign: (message) => sign(null, message, key),
  };
}

/**
 * Parses a public key. Each key has exactly one text.
 *
 * @throws {WsctlError} USAGE
 */
export function parsePublicKey(text: string): PublicKey {
  const raw = Buffer.from(text.slice(prefix.length), "base64url");
  if (raw.length !== rawBytes || formatPublicKey(raw) !== text) {
    throw usage(`Public key must be "${prefix}" and 32 bytes in base64url`);
  }
  try {
    const key = createPublicKey({
      key: Buffer.concat([spkiHead, raw]),
      format: "der",
      type: "spki",
    });
    return fromKey(key);
  } catch (error) {
    throw usage("Public key is not an Ed25519 key", error);
  }
}

function fromKey(key: KeyObject): PublicKey {
  const raw = key.export({ type: "spki", format: "der" }).subarray(spkiHead.length);
  return {
    text: formatPublicKey(raw),
    id: createHash("sha256").update(raw).digest("hex").slice(0, 16),
    verifies: (message, signature) => {
      if (signature.length !== signatureBytes) return false;
      try {
        return verify(null, message, key, signature);
      } catch {
        // The library rejects malformed signatures by throwing.
        return false;
      }
    },
  };
}

function formatPublicKey(raw: Buffer): string {
  return `${prefix}${raw.toString("base64url")}`;
}

function usage(message: string, cause?: unknown): WsctlError {
  return new WsctlError("USAGE", message, { cause });
}
