/** Who signed a release, and whether that is enough to trust it. */
import { WsctlError } from "../protocol/errors.ts";
import type { PrivateKey, PublicKey } from "../protocol/keys.ts";
import { product, type ReleaseManifest, readManifest, type SignedRelease } from "./manifest.ts";

/** Before the manifest: a signature made for this is good for nothing else. */
const domain = "wsctl release v1\n";

export interface ReleaseTrust {
  keys: readonly PublicKey[];
  /** So many of the keys must have signed. */
  threshold: number;
}

export interface Verified {
  manifest: ReleaseManifest;
  /** The trusted keys whose signatures were counted. */
  signers: PublicKey[];
}

export function signManifest(
  manifest: string,
  key: PrivateKey,
): SignedRelease["signatures"][number] {
  const signature = Buffer.from(key.sign(buildSignedBytes(manifest))).toString("base64");
  return { key: key.publicKey.text, signature };
}

/** With one more signature; one that the key has made before is replaced. */
export function withSignature(signed: SignedRelease, key: PrivateKey): SignedRelease {
  const others = signed.signatures.filter((each) => each.key !== key.publicKey.text);
  return { ...signed, signatures: [...others, signManifest(signed.manifest, key)] };
}

/** Whether one of a release's signatures is this key's and of this very manifest. */
export function isSignedBy({ manifest, signatures }: SignedRelease, key: PublicKey): boolean {
  const message = buildSignedBytes(manifest);
  return signatures.some((each) => {
    const signature = each.key === key.text ? decodeSignature(each.signature) : undefined;
    return signature !== undefined && key.verifies(message, signature);
  });
}

/**
 * The manifest, if enough keys that are trusted have signed exactly it. Until that is known,
 * nothing of it is read. Throws `USAGE` for a trust that nothing could meet, `FORBIDDEN` for a
 * release that is not trusted or of another product, `EXPIRED`, or `MALFORMED`.
 */
export function verifyRelease(signed: SignedRelease, trust: ReleaseTrust, now: number): Verified {
  const keys = [...new Map(trust.keys.map((key) => [key.text, key])).values()];
  const { threshold } = trust;
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) {
    const rule = `a whole number from 1 to the number of trusted keys, which is ${keys.length}`;
    throw new WsctlError("USAGE", `The threshold is ${threshold}: it must be ${rule}`);
  }
  const signers = keys.filter((key) => isSignedBy(signed, key));
  if (signers.length < threshold) throw untrustedError(signed, keys, signers, threshold);
  const manifest = readManifest(signed.manifest);
  if (manifest.product !== product) {
    throw new WsctlError("FORBIDDEN", `The release is of "${manifest.product}", not of ${product}`);
  }
  const { expires_at } = manifest;
  if (expires_at !== undefined && now >= Date.parse(expires_at)) {
    throw new WsctlError("EXPIRED", `Release ${manifest.version} expired at ${expires_at}`);
  }
  return { manifest, signers };
}

/** Each trusted key that has not signed is named, with what stands there in its name. */
function untrustedError(
  { signatures }: SignedRelease,
  keys: PublicKey[],
  signers: PublicKey[],
  threshold: number,
): WsctlError {
  const wanting = keys.filter((key) => !signers.includes(key));
  const reasons = wanting.map(({ text, id }) => {
    const isThere = signatures.some(({ key }) => key === text);
    return `${id} ${isThere ? "has signed something else" : "has not signed"}`;
  });
  const strangers = signatures.filter(({ key }) => !keys.some(({ text }) => text === key)).length;
  const unknown = strangers === 0 ? "" : `; ${strangers} by keys that are not trusted`;
  const found = `${signers.length} of ${threshold} signatures by trusted keys`;
  const message = `The release is not trusted: it has ${found} (${reasons.join(", ")}${unknown})`;
  return new WsctlError("FORBIDDEN", message);
}

function buildSignedBytes(manifest: string): Uint8Array {
  return new TextEncoder().encode(domain + manifest);
}

/** Undefined where it is not exactly how the bytes are written in base64. */
function decodeSignature(base64: string): Uint8Array | undefined {
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : undefined;
}
