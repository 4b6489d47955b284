/**
 * Where the content of artifacts is kept: the narrow interface behind which the embedded directory
 * and any S3-compatible store stand. Content goes past the control plane's memory: a store hands
 * out URLs that carry their own permission, for one method, one object and a short time.
 */
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";

export interface SignedUrl {
  url: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

export interface SignedUpload extends SignedUrl {
  headers: Record<string, string>;
  resumable: boolean;
}

/**
 * How an upload stands: compared with its SHA-256; there in its length, where the store compares
 * nothing; or still being compared, so that one asks again.
 */
export type Completion = "verified" | "present" | "verifying";

export interface ArtifactStore {
  /** The name for the content of a new artifact. */
  objectName(artifact: Pick<StoredArtifact, "artifactId" | "sha256">): string;
  /** Throws `STORAGE_UNAVAILABLE` when it can be seen that so many more bytes find no room. */
  assertSpace(bytes: number): void;
  /** Whether content that is on record can be counted on. */
  has(object: string): boolean;
  /** `by`: on whose behalf; where the store can, the URL ends with that token. */
  upload(artifact: StoredArtifact, by: string): Promise<SignedUpload>;
  download(artifact: StoredArtifact, by: string): Promise<SignedUrl>;
  /** Throws `CONFLICT` while it is not whole, `CHECKSUM_MISMATCH` when it is something else. */
  complete(artifact: StoredArtifact): Promise<Completion>;
  /** Forgets what was uploaded so far for an artifact that is not ready. */
  discard(artifact: StoredArtifact): Promise<void>;
  /** Removes content that nobody refers to any more; what is gone already is no error. */
  remove(object: string): Promise<void>;
  /** Removes, in small steps, what no record knows of: left behind by a crash. */
  removeStrays(isKnown: KnownObjects): Promise<void>;
}

export interface KnownObjects {
  object(object: string): boolean;
  upload(artifactId: string): boolean;
}
