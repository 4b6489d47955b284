/**
 * The embedded store: a directory of files named by the SHA-256 of their content, so that equal
 * content is stored once and a file never changes. An upload is written to a temporary file,
 * verified, synced to disk, and then renamed.
 */
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FileDigest } from "../../files/fileDigest.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import { notUploadedError, otherContentError, storageError } from "./errors.ts";
import { LocalUploads } from "./localUploads.ts";
import { SignedUrls, urlKey } from "./signedUrls.ts";
import type { ArtifactStore, Completion, KnownObjects, SignedUpload, SignedUrl } from "./store.ts";

/** How long one call waits for the verification before it responds that it is in progress. */
const patienceMs = 10_000;

/** The maximum number of verifications whose result was not read yet. */
const verdictsMax = 1_000;

/** What other nodes of a cluster have. */
export interface NodeContent {
  /**
   * Writes the content into a file, and syncs it.
   *
   * @returns its digest, or that of an empty file if no node has the content
   */
  fetchContent(object: string, file: string): Promise<FileDigest>;
}

const fetchedSuffix = ".fetched";

/** Returns the path of content in the directory of an embedded store. */
export function objectPath(dir: string, object: string): string {
  return join(dir, "objects", object.slice(0, 2), object);
}

export class LocalStore implements ArtifactStore {
  readonly urls: SignedUrls;
  readonly uploads: LocalUploads;
  readonly #dir: string;
  /** Verifications in progress, or finished and not read yet. */
  readonly #verdicts = new Map<string, Promise<void>>();

  readonly #nodes: NodeContent | undefined;

  /**
   * Throws if the directory cannot be created.
   *
   * @param nodes Has the content that other nodes of the cluster stored.
   */
  constructor(dir: string, now: () => number, nodes?: NodeContent) {
    this.#dir = dir;
    this.#nodes = nodes;
    for (const each of ["objects", "uploads"]) {
      mkdirSync(join(dir, each), { recursive: true, mode: 0o700 });
    }
    this.urls = new SignedUrls(urlKey(join(dir, "url.key")), now);
    this.uploads = new LocalUploads(join(dir, "uploads"));
  }

  objectName({ sha256 }: Pick<StoredArtifact, "sha256">): string {
    return sha256;
  }

  assertSpace(bytes: number): void {
    this.uploads.assertSpace(bytes);
  }

  has(object: string): boolean {
    return statSync(this.path(object), { throwIfNoEntry: false }) !== undefined;
  }

  async isAvailable({ object, bytes }: StoredArtifact): Promise<boolean> {
    if (this.has(object)) return true;
    if (this.#nodes === undefined) return false;
    const file = join(this.#dir, "uploads", `${object}${fetchedSuffix}`);
    try {
      const { sha256, bytes: size } = await this.#nodes.fetchContent(object, file);
      if (sha256 !== object || size !== bytes || this.has(object)) return this.has(object);
      await this.#place(file, object);
      return true;
    } catch (error) {
      throw storageError(`content ${object}`, error);
    } finally {
      rmSync(file, { force: true });
    }
  }

  path(object: string): string {
    return objectPath(this.#dir, object);
  }

  async upload(artifact: StoredArtifact, tokenId: string): Promise<SignedUpload> {
    return { ...this.urls.make("PUT", artifact, tokenId), headers: {}, resumable: true };
  }

  async download(artifact: StoredArtifact, tokenId: string): Promise<SignedUrl> {
    return this.urls.make("GET", artifact, tokenId);
  }

  async complete(artifact: StoredArtifact): Promise<Completion> {
    const { artifactId, bytes } = artifact;
    if (this.has(artifact.object)) {
      this.uploads.discard(artifactId);
      return "verified";
    }
    let verdict = this.#verdicts.get(artifactId);
    if (verdict === undefined) {
      const offset = this.uploads.offset(artifactId);
      if (offset < bytes) throw notUploadedError(offset, bytes);
      verdict = this.uploads.sealed(artifactId, () => this.#take(artifact));
      this.#remember(artifactId, verdict);
    }
    const isOver = await resolvedWithin(verdict, patienceMs);
    if (!isOver) return "verifying";
    this.#verdicts.delete(artifactId);
    await verdict;
    return "verified";
  }

  async discard({ artifactId }: StoredArtifact): Promise<void> {
    this.uploads.discard(artifactId);
  }

  /** Synchronous, so that no reader sees the file between the check and the removal. */
  remove(object: string): Promise<void> {
    rmSync(this.path(object), { force: true });
    return Promise.resolve();
  }

  async removeStrays(known: KnownObjects): Promise<void> {
    for (const artifactId of await readdir(join(this.#dir, "uploads"))) {
      if (!known.upload(artifactId)) this.uploads.discard(artifactId);
    }
    const objects = join(this.#dir, "objects");
    for (const shard of await readdir(objects)) {
      for (const object of await readdir(join(objects, shard))) {
        if (!known.object(object)) await this.remove(object);
      }
    }
  }

  async #take(artifact: StoredArtifact): Promise<void> {
    const { artifactId, bytes, sha256, object } = artifact;
    try {
      // A client may send no body for empty content.
      const file = await open(this.uploads.path(artifactId), "a", 0o600);
      try {
        const sum = this.uploads.digest(artifact) ?? (await this.uploads.digestFile(artifactId));
        const { size } = await file.stat();
        if (sum !== sha256 || size !== bytes) {
          this.uploads.discard(artifactId);
          throw otherContentError("SHA-256 does not match the announced one");
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#place(this.uploads.path(artifactId), object);
      this.uploads.discard(artifactId);
    } catch (error) {
      throw storageError(`artifact ${artifactId}`, error);
    }
  }

  /** Names a file that is synced after its content. */
  async #place(file: string, object: string): Promise<void> {
    const path = this.path(object);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(file, path);
    for (const dir of [dirname(path), join(this.#dir, "objects")]) await syncDirectory(dir);
  }

  #remember(artifactId: string, verdict: Promise<void>): void {
    // Callers get the error; without a caller it is not unhandled.
    verdict.catch(() => {});
    const oldest = this.#verdicts.keys().next().value;
    if (this.#verdicts.size >= verdictsMax && oldest !== undefined) this.#verdicts.delete(oldest);
    this.#verdicts.set(artifactId, verdict);
  }
}

async function resolvedWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The name of a file is durable only when its directory is synced. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
