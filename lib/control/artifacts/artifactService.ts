/**
 * Creates, completes, expires and deletes artifacts within their limits. The record is in the
 * journal before a URL is issued, the content is in the store before the record is `ready`, and the
 * record is marked as expired before the content is deleted.
 */
import type { Log } from "../../log/log.ts";
import type { ArtifactRequest } from "../../protocol/api/artifacts.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { artifactsMax, artifactsPerRequestMax, artifactUploadMs } from "../../protocol/limits.ts";
import type { Clock } from "../../time/clock.ts";
import type { Authority } from "../auth/authority.ts";
import type {
  ArtifactsQuery,
  ArtifactTable,
  StoredArtifact,
} from "../journal/tables/artifactTable.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { storageError } from "./errors.ts";
import type { ArtifactStore } from "./store.ts";

export interface ArtifactLimits {
  /** The size limit of one artifact and of all together. */
  bytesMax: number;
  quotaBytes: number;
  /** How long a result is kept. A release is kept until it is deleted. */
  ttlMs: number;
}

export interface ArtifactsOptions {
  records: ArtifactTable;
  store: ArtifactStore;
  limits: ArtifactLimits;
  newId: () => string;
  clock: Clock;
  log: Log;
}

const sweepMs = 5 * 60 * 1000;
const sweepStep = 20;

export class ArtifactService {
  readonly store: ArtifactStore;
  readonly records: ArtifactTable;
  readonly #options: ArtifactsOptions;
  #cancelSweep = () => {};
  #isClosed = false;

  constructor(options: ArtifactsOptions) {
    this.#options = options;
    this.store = options.store;
    this.records = options.records;
  }

  /**
   * Creates an artifact, or returns the one that the same request created before.
   *
   * @throws {WsctlError} TOO_LARGE
   */
  async create(
    request: ArtifactRequest,
    token: StoredToken,
    authority: Pick<Authority, "require">,
  ): Promise<StoredArtifact> {
    const now = this.#options.clock.wall();
    const kind = this.#checkKind(request, token);
    const { name, bytes, sha256, request_id: requestId } = request;
    const { bytesMax } = this.#options.limits;
    if (bytes > bytesMax) {
      throw new WsctlError(
        "TOO_LARGE",
        `Artifact has ${bytes} bytes, more than the maximum of ${bytesMax} (wsctl serve --artifact-max)`,
      );
    }
    const same = this.records.same({ name, sha256, kind, ...(requestId ? { requestId } : {}) });
    if (same !== undefined && !isExpired(same, now)) return this.#existing(same, bytes, now);
    if (same !== undefined) {
      await this.remove(same);
      authority.require();
      return this.create(request, token, authority);
    }
    const twin = this.#withContent(sha256, bytes, now);
    this.#assertWithinLimits(requestId, twin === undefined ? bytes : 0);
    if (twin === undefined) this.store.assertSpace(bytes);
    const artifactId = this.#options.newId();
    const isReady = twin !== undefined;
    const artifact: StoredArtifact = {
      artifactId,
      name,
      bytes,
      sha256,
      kind,
      state: twin === undefined ? "uploading" : "ready",
      object: twin?.object ?? this.store.objectName({ artifactId, sha256 }),
      isVerified: twin !== undefined,
      ...(token.agentId === undefined ? {} : { agentId: token.agentId }),
      ...(requestId === undefined ? {} : { requestId }),
      createdBy: token.tokenId,
      createdAt: now,
      ...(request.ttl_seconds === undefined ? {} : { ttlMs: request.ttl_seconds * 1000 }),
      ...this.#expiry(
        { kind, ttlMs: request.ttl_seconds && request.ttl_seconds * 1000 },
        isReady,
        now,
      ),
    };
    this.#write(() => this.records.add(artifact));
    return artifact;
  }

  /**
   * Marks it as ready once its content is stored. Returns undefined while that is still being
   * verified.
   */
  async complete(
    artifact: StoredArtifact,
    authority: Pick<Authority, "require">,
  ): Promise<StoredArtifact | undefined> {
    if (artifact.state === "ready") return artifact;
    const completion = await this.store.complete(artifact);
    authority.require();
    if (completion === "verifying") return undefined;
    const { expiresAt } = this.#expiry(artifact, true, this.#options.clock.wall());
    const isVerified = completion === "verified";
    this.#write(() => this.records.setReady(artifact.artifactId, isVerified, expiresAt));
    return this.find(artifact.artifactId);
  }

  /**
   * Finds an artifact that has not expired.
   *
   * @throws {WsctlError} NOT_FOUND
   */
  find(artifactId: string): StoredArtifact {
    const artifact = this.records.get(artifactId);
    if (artifact !== undefined && !isExpired(artifact, this.#options.clock.wall())) return artifact;
    throw new WsctlError(
      "NOT_FOUND",
      `Artifact "${artifactId}" not found; it may have expired. List the artifacts to see their ids`,
    );
  }

  list(query: Omit<ArtifactsQuery, "now">): StoredArtifact[] {
    return this.records.list({ ...query, now: this.#options.clock.wall() });
  }

  /**
   * The artifact is no longer visible from here on. After a crash, the cleanup removes the rest.
   */
  async remove(artifact: StoredArtifact): Promise<void> {
    const { artifactId, object } = artifact;
    const now = this.#options.clock.wall();
    if (!isExpired(artifact, now)) this.#write(() => this.records.setExpiry(artifactId, now));
    if (artifact.state === "uploading") await this.store.discard(artifact);
    // Synchronous with the removal, so that no new reference is added in between.
    else if (this.records.references(object) <= 1) await this.store.remove(object);
    this.#write(() => this.records.remove(artifactId));
  }

  /** Starts the cleanup, now and every few minutes. */
  start(): void {
    const { clock, log } = this.#options;
    this.sweep()
      .catch((error) => {
        if (!this.#isClosed) log.warn(`Cannot clean up artifacts: ${errorText(error)}`);
      })
      .finally(() => {
        if (!this.#isClosed) this.#cancelSweep = clock.after(sweepMs, () => this.start());
      });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep();
  }

  /** Deletes expired artifacts and content without a record. */
  async sweep(): Promise<void> {
    let removed = 0;
    for (;;) {
      const expired = this.#isClosed
        ? []
        : this.records.expired(this.#options.clock.wall(), sweepStep);
      if (expired.length === 0) break;
      for (const artifact of expired) await this.remove(artifact);
      removed += expired.length;
      await new Promise<void>((resolve) => this.#options.clock.defer(resolve));
    }
    if (removed > 0) this.#options.log.info("expired artifacts deleted", { removed });
    if (this.#isClosed) return;
    await this.store.removeStrays({
      object: (object) => this.#isClosed || this.records.references(object) > 0,
      upload: (id) => this.#isClosed || this.records.get(id)?.state === "uploading",
    });
  }

  #checkKind(request: ArtifactRequest, token: StoredToken): StoredArtifact["kind"] {
    const { request_id: requestId } = request;
    const kind = request.kind ?? (token.role === "agent" ? "result" : "release");
    if (token.role === "agent") {
      if (kind !== "result") throw forbidden('An agent may upload only the kind "result"');
      if (requestId === undefined) {
        throw new WsctlError("MALFORMED", "request_id is missing");
      }
      if (this.records.findOpenAgent(requestId) !== token.agentId) {
        throw forbidden("request_id must name an open request of this agent");
      }
      return kind;
    }
    if (kind === "result") throw forbidden('Only an agent may upload the kind "result"');
    if (kind === "release" && token.role !== "admin") {
      throw forbidden('Requires a token of the role "admin"');
    }
    if (requestId === undefined) return kind;
    throw new WsctlError("MALFORMED", `request_id is not allowed for a ${kind}`);
  }

  /** The same request was repeated, for example after a crash: the upload gets a new expiry. */
  #existing(artifact: StoredArtifact, bytes: number, now: number): StoredArtifact {
    if (artifact.bytes !== bytes) {
      const text = `the same content was announced with ${artifact.bytes} bytes before`;
      throw new WsctlError("CONFLICT", text);
    }
    if (artifact.state === "ready") {
      const { expiresAt } = this.#expiry(artifact, true, now);
      // A file that is pushed again is needed for as long as a new one.
      if (artifact.kind !== "file" || expiresAt === undefined) return artifact;
      this.#write(() => this.records.setExpiry(artifact.artifactId, expiresAt));
      return this.find(artifact.artifactId);
    }
    const { expiresAt } = this.#expiry(artifact, false, now);
    if (expiresAt !== undefined) {
      this.#write(() => this.records.setExpiry(artifact.artifactId, expiresAt));
    }
    return this.find(artifact.artifactId);
  }

  #withContent(sha256: string, bytes: number, now: number): StoredArtifact | undefined {
    const twin = this.records.withContent(sha256, now);
    return twin?.bytes === bytes && this.store.has(twin.object) ? twin : undefined;
  }

  #assertWithinLimits(requestId: string | undefined, bytes: number): void {
    if (requestId !== undefined && this.records.count(requestId) >= artifactsPerRequestMax) {
      throw new WsctlError(
        "TOO_LARGE",
        `A request may have at most ${artifactsPerRequestMax} artifacts`,
      );
    }
    const { quotaBytes } = this.#options.limits;
    const usage = this.records.usage();
    if (usage.count >= artifactsMax) {
      throw new WsctlError("STORAGE_UNAVAILABLE", `Too many artifacts (maximum ${artifactsMax})`);
    }
    if (usage.bytes + bytes > quotaBytes) {
      throw new WsctlError(
        "STORAGE_UNAVAILABLE",
        `Artifact of ${bytes} bytes exceeds the quota of ${quotaBytes} bytes (wsctl serve --artifact-quota): ${Math.max(0, quotaBytes - usage.bytes)} bytes are free. Delete artifacts or wait until some expire`,
      );
    }
  }

  #expiry(
    {
      kind,
      ttlMs = this.#options.limits.ttlMs,
    }: Pick<StoredArtifact, "kind"> & { ttlMs?: number | undefined },
    isReady: boolean,
    now: number,
  ): { expiresAt?: number } {
    if (!isReady) return { expiresAt: now + Math.min(ttlMs, artifactUploadMs) };
    return kind === "release" ? {} : { expiresAt: now + ttlMs };
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw storageError("the artifact's record", error);
    }
  }
}

function isExpired({ expiresAt }: StoredArtifact, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

function forbidden(text: string): WsctlError {
  return new WsctlError("FORBIDDEN", text);
}
