/**
 * The interface of artifact stores: the embedded directory or an S3-compatible store. Content does
 * not pass through the control plane's memory. A store issues URLs that permit one method on one
 * object for a short time.
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
 * The state of an upload: its SHA-256 is verified, only its length is verified because the store
 * cannot do more, or verification is in progress and the caller asks again.
 */
export type Completion = "verified" | "present" | "verifying";

export interface ArtifactStore {
  /** Returns the name of the content of a new artifact. */
  objectName(artifact: Pick<StoredArtifact, "artifactId" | "sha256">): string;
  /**
   * Checks for free space, if the store can tell.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  assertSpace(bytes: number): void;
  /** Whether recorded content is available in this store. */
  has(object: string): boolean;
  /** The same, and content that another node of the cluster has is fetched first. */
  isAvailable(artifact: StoredArtifact): Promise<boolean>;
  /**
   * @param by The credential that the URL is issued to. If the store supports it, the URL expires
   *   with it.
   */
  upload(artifact: StoredArtifact, by: string): Promise<SignedUpload>;
  download(artifact: StoredArtifact, by: string): Promise<SignedUrl>;
  /**
   * Verifies an upload.
   *
   * @throws {WsctlError} CONFLICT if it is incomplete, CHECKSUM_MISMATCH if the content differs
   */
  complete(artifact: StoredArtifact): Promise<Completion>;
  /** Deletes the bytes received for an artifact that is not ready. */
  discard(artifact: StoredArtifact): Promise<void>;
  /** Deletes content without references. Content that does not exist is not an error. */
  remove(object: string): Promise<void>;
  /** Deletes content without a record, left by a crash, in small steps. */
  removeStrays(isKnown: KnownObjects): Promise<void>;
}

export interface KnownObjects {
  object(object: string): boolean;
  upload(artifactId: string): boolean;
}
