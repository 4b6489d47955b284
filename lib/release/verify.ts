/** Verifies the signatures of a release against the trusted keys. */
import { WsctlError } from "../protocol/errors.ts";
import type { PrivateKey, PublicKey } from "../protocol/keys.ts";
import { product, type ReleaseManifest, readManifest, type SignedRelease } from "./manifest.ts";

/** A prefix of the signed text, so that the signature is valid for no other purpose. */
const domain = "wsctl release v1\n";

export interface ReleaseTrust {
  keys: readonly PublicKey[];
  /** The number of trusted keys that must have signed. */
  threshold: number;
}

export interface Verified {
  manifest: ReleaseManifest;
  /** The trusted keys with valid signatures. */
  signers: PublicKey[];
}

export function signManifest(
  manifest: string,
  key: PrivateKey,
): SignedRelease["signatures"][number] {
  const signature = Buffer.from(key.sign(buildSignedBytes(manifest))).toString("base64");
  return { key: key.publicKey.text, signature };
}

/** Adds a signature; an earlier one by the same key is replaced. */
export function withSignature(signed: SignedRelease, key: PrivateKey): SignedRelease {
  const others = signed.signatures.filter((each) => each.key !== key.publicKey.text);
  return { ...signed, signatures: [...others, signManifest(signed.manifest, key)] };
}

/** Whether the release has a valid signature of this manifest by this key. */
export function isSignedBy({ manifest, signatures }: SignedRelease, key: PublicKey): boolean {
  const message = buildSignedBytes(manifest);
  return signatures.some((each) => {
    const signature = each.key === key.text ? decodeSignature(each.signature) : undefined;
    return signature !== undefined && key.verifies(message, signature);
  });
}

/**
 * Returns the manifest if enough trusted keys have signed it. The manifest is not parsed before
 * that.
 *
 * @throws {WsctlError} USAGE if the threshold cannot be met
 * @throws {WsctlError} FORBIDDEN if the release is not trusted or belongs to another product
 * @throws {WsctlError} EXPIRED, MALFORMED
 */
export function verifyRelease(signed: SignedRelease, trust: ReleaseTrust, now: number): Verified {
  const keys = [...new Map(trust.keys.map((key) => [key.text, key])).values()];
  const { threshold } = trust;
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) {
    const rule = `a whole number from 1 to the number of trusted keys, which is ${keys.length}`;
    throw new WsctlError("USAGE", `Invalid threshold ${threshold}: it must be ${rule}`);
  }
  const signers = keys.filter((key) => isSignedBy(signed, key));
  if (signers.length < threshold) throw untrustedError(signed, keys, signers, threshold);
  const manifest = readManifest(signed.manifest);
  if (manifest.product !== product) {
    throw new WsctlError(
      "FORBIDDEN",
      `Release is of product "${manifest.product}"; expected ${product}`,
    );
  }
  const { expires_at } = manifest;
  if (expires_at !== undefined && now >= Date.parse(expires_at)) {
    throw new WsctlError("EXPIRED", `Release ${manifest.version} expired at ${expires_at}`);
  }
  return { manifest, signers };
}

/** Names each trusted key without a valid signature and the reason. */
function untrustedError(
  { signatures }: SignedRelease,
  keys: PublicKey[],
  signers: PublicKey[],
  threshold: number,
): WsctlError {
  const wanting = keys.filter((key) => !signers.includes(key));
  const reasons = wanting.map(({ text, id }) => {
    const isThere = signatures.some(({ key }) => key === text);
    return `${id} ${isThere ? "has an invalid signature" : "has not signed"}`;
  });
  const strangers = signatures.filter(({ key }) => !keys.some(({ text }) => text === key)).length;
  const unknown = strangers === 0 ? "" : `; ${strangers} by unknown keys`;
  const found = `${signers.length} of ${threshold} signatures by trusted keys`;
  const message = `Release is not trusted: it has ${found} (${reasons.join(", ")}${unknown})`;
  return new WsctlError("FORBIDDEN", message);
}

function buildSignedBytes(manifest: string): Uint8Array {
  return new TextEncoder().encode(domain + manifest);
}

/** Returns undefined unless the text is the canonical base64 (RFC 4648) of the bytes. */
function decodeSignature(base64: string): Uint8Array | undefined {
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : undefined;
}
