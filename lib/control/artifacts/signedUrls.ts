/**
 * Pre-signed URLs of the embedded store: an HMAC-SHA256 (RFC 2104) over everything that the URL
 * permits, with a key that is stored next to the artifacts and never leaves this host.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { artifactUrlMs } from "../../protocol/limits.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { SignedUrl } from "./store.ts";

export type SignedMethod = "GET" | "PUT";

export interface UrlSignature {
  /** Seconds since 1970, as in the URL. */
  expires: string;
  /** The token that the URL was issued to. */
  by: string;
  signature: string;
}

const keyBytes = 32;

/** Reads the key from this file, or creates one, which invalidates all earlier URLs. */
export function urlKey(path: string): Uint8Array {
  try {
    const key = readFileSync(path);
    if (key.length === keyBytes) return key;
  } catch {
    // There is no key yet. A file that cannot be read cannot be written either, which fails below.
  }
  const key = randomBytes(keyBytes);
  writeFileSync(path, key, { mode: 0o600 });
  chmodSync(path, 0o600);
  return key;
}

export class SignedUrls {
  readonly #key: Uint8Array;
  readonly #now: () => number;

  constructor(key: Uint8Array, now: () => number) {
    this.#key = key;
    this.#now = now;
  }

  /** Returns a path without a host, so that it works behind every proxy. */
  make(method: SignedMethod, artifact: StoredArtifact, by: string): SignedUrl {
    const expires = String(Math.ceil((this.#now() + artifactUrlMs) / 1000));
    const signature = this.#sign(method, artifact, expires, by).toString("base64url");
    const query = new URLSearchParams({ expires, by, signature });
    return {
      url: `/artifacts/${artifact.artifactId}?${query}`,
      expiresAt: Number(expires) * 1000,
    };
  }

  /** Whether the signature is valid for this request and has not expired. */
  permits(method: SignedMethod, artifact: StoredArtifact, given: UrlSignature): boolean {
    const wanted = this.#sign(method, artifact, given.expires, given.by);
    const signature = Buffer.from(given.signature, "base64url");
    const isEqual = signature.length === wanted.length && timingSafeEqual(signature, wanted);
    return isEqual && Number(given.expires) * 1000 > this.#now();
  }

  #sign(method: SignedMethod, artifact: StoredArtifact, expires: string, by: string): Buffer {
    const { artifactId, bytes } = artifact;
    const text = [method, artifactId, bytes, expires, by].join("\n");
    return createHmac("sha256", this.#key).update(text).digest();
  }
}
