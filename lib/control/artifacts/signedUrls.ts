/**
 * Pre-signed URLs of the embedded store: an HMAC-SHA256 over all that the URL permits, with a key
 * that lies beside the artifacts and that nobody else is ever told.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { artifactUrlMs } from "../../protocol/limits.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { SignedUrl } from "./store.ts";

export type SignedMethod = "GET" | "PUT";

export interface UrlSignature {
  /** Seconds since 1970, as the URL has it. */
  expires: string;
  /** The token on whose behalf it was made. */
  by: string;
  signature: string;
}

const keyBytes = 32;

/** The key in this file; a new one where there is none, which ends every URL made before. */
export function urlKey(path: string): Uint8Array {
  try {
    const key = readFileSync(path);
    if (key.length === keyBytes) return key;
  } catch {
    // None yet. One that cannot be read cannot be written either, which is said below.
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

  /** A path on this server, so that it holds behind every proxy and under every name. */
  make(method: SignedMethod, artifact: StoredArtifact, by: string): SignedUrl {
    const expires = String(Math.ceil((this.#now() + artifactUrlMs) / 1000));
    const signature = this.#sign(method, artifact, expires, by).toString("base64url");
    const query = new URLSearchParams({ expires, by, signature });
    return {
      url: `/artifacts/${artifact.artifactId}?${query}`,
      expiresAt: Number(expires) * 1000,
    };
  }

  /** Whether this very permission was given, and still stands. */
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
