/**
 * The embedded store: a directory of files named by the SHA-256 of what is in them, so that equal
 * content is kept once and a file, once there, never changes. An upload grows in a file of its own,
 * is compared, brought to disk, and only then given its final name.
 */
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import { notUploadedError, otherContentError, storageError } from "./errors.ts";
import { LocalUploads } from "./localUploads.ts";
import { SignedUrls, urlKey } from "./signedUrls.ts";
import type { ArtifactStore, Completion, KnownObjects, SignedUpload, SignedUrl } from "./store.ts";

/** How long one call waits for a comparison before it answers that it still goes on. */
const patienceMs = 10_000;

/** How many comparisons have ended without anybody having asked yet. */
const verdictsMax = 1_000;

export class LocalStore implements ArtifactStore {
  readonly urls: SignedUrls;
  readonly uploads: LocalUploads;
  readonly #dir: string;
  /** Comparisons that go on, or whose end nobody has been told yet. */
  readonly #verdicts = new Map<string, Promise<void>>();

  /** Throws when the directory cannot be made. */
  constructor(dir: string, now: () => number) {
    this.#dir = dir;
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

  path(object: string): string {
    return join(this.#dir, "objects", object.slice(0, 2), object);
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

  /** At once: nobody may begin to count on a file between the decision and the deed. */
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
      // An empty one may never have been sent: there is nothing to send.
      const file = await open(this.uploads.path(artifactId), "a", 0o600);
      try {
        const sum = this.uploads.digest(artifact) ?? (await this.uploads.digestFile(artifactId));
        const { size } = await file.stat();
        if (sum !== sha256 || size !== bytes) {
          this.uploads.discard(artifactId);
          throw otherContentError("the SHA-256 is not the announced one");
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const path = this.path(object);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      renameSync(this.uploads.path(artifactId), path);
      this.uploads.discard(artifactId);
      for (const dir of [dirname(path), join(this.#dir, "objects")]) await syncDirectory(dir);
    } catch (error) {
      throw storageError(`artifact ${artifactId}`, error);
    }
  }

  #remember(artifactId: string, verdict: Promise<void>): void {
    // Whoever asks is told; where nobody asks any more, that is no fault.
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

/** The name of a file is on disk when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
