/**
 * Artifacts: who may order one, within which limits, when it is ready and when it goes. The record
 * is in the journal before anybody is given a URL; the content is in the store before the record
 * says `ready`; and a record says that it has expired before its content goes.
 */
import type { Log } from "../../log/log.ts";
import type { ArtifactRequest } from "../../protocol/api/artifacts.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { artifactsMax, artifactsPerRequestMax, artifactUploadMs } from "../../protocol/limits.ts";
import type { Clock } from "../../time/clock.ts";
import type { Authority } from "../auth/authority.ts";
import type { ArtifactTable, StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { storageError } from "./errors.ts";
import type { ArtifactStore } from "./store.ts";

export interface ArtifactLimits {
  /** Bytes of one artifact, and of all together. */
  bytesMax: number;
  quotaBytes: number;
  /** How long a result is kept; a release stays until it is deleted. */
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

  /** Takes the order, or gives what the same order has made before. */
  async create(
    order: ArtifactRequest,
    token: StoredToken,
    authority: Pick<Authority, "require">,
  ): Promise<StoredArtifact> {
    const now = this.#options.clock.wall();
    const kind = this.#checkKind(order, token);
    const { name, bytes, sha256, request_id: requestId } = order;
    const { bytesMax } = this.#options.limits;
    if (bytes > bytesMax) {
      throw new WsctlError(
        "TOO_LARGE",
        `an artifact may have at most ${bytesMax} bytes (wsctl serve --artifact-max), not ${bytes}`,
      );
    }
    const same = this.records.same({ name, sha256, ...(requestId ? { requestId } : {}) });
    if (same !== undefined && !isExpired(same, now)) return this.#existing(same, bytes, now);
    if (same !== undefined) {
      await this.remove(same);
      authority.require();
      return this.create(order, token, authority);
    }
    const twin = this.#withContent(sha256, bytes, now);
    this.#assertWithinLimits(requestId, twin === undefined ? bytes : 0);
    if (twin === undefined) this.store.assertSpace(bytes);
    const artifactId = this.#options.newId();
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
      ...this.#expiry(kind, twin === undefined ? "uploading" : "ready", now),
    };
    this.#write(() => this.records.add(artifact));
    return artifact;
  }

  /** Makes it ready once its content is there; undefined while that is still being compared. */
  async complete(
    artifact: StoredArtifact,
    authority: Pick<Authority, "require">,
  ): Promise<StoredArtifact | undefined> {
    if (artifact.state === "ready") return artifact;
    const completion = await this.store.complete(artifact);
    authority.require();
    if (completion === "verifying") return undefined;
    const { expiresAt } = this.#expiry(artifact.kind, "ready", this.#options.clock.wall());
    const isVerified = completion === "verified";
    this.#write(() => this.records.setReady(artifact.artifactId, isVerified, expiresAt));
    return this.find(artifact.artifactId);
  }

  /** Throws `NOT_FOUND` also for what has expired and is not swept yet. */
  find(artifactId: string): StoredArtifact {
    const artifact = this.records.get(artifactId);
    if (artifact !== undefined && !isExpired(artifact, this.#options.clock.wall())) return artifact;
    throw new WsctlError("NOT_FOUND", "no such artifact, or no longer; list them to see their ids");
  }

  list(limit: number, before: string | undefined): StoredArtifact[] {
    const now = this.#options.clock.wall();
    return this.records.list({ limit, now, ...(before === undefined ? {} : { before }) });
  }

  /** From here on it is gone for everybody; a crash midway leaves the rest to the sweep. */
  async remove(artifact: StoredArtifact): Promise<void> {
    const { artifactId, object } = artifact;
    const now = this.#options.clock.wall();
    if (!isExpired(artifact, now)) this.#write(() => this.records.setExpiry(artifactId, now));
    if (artifact.state === "uploading") await this.store.discard(artifact);
    // Nothing may come between this question and the deed: somebody might begin to refer to it.
    else if (this.records.references(object) <= 1) await this.store.remove(object);
    this.#write(() => this.records.remove(artifactId));
  }

  /** Sweeps now and every few minutes. */
  start(): void {
    const { clock, log } = this.#options;
    this.sweep()
      .catch((error) => {
        if (!this.#isClosed) log.warn(`Cannot sweep the artifacts: ${errorText(error)}`);
      })
      .finally(() => {
        if (!this.#isClosed) this.#cancelSweep = clock.after(sweepMs, () => this.start());
      });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep();
  }

  /** Removes what has expired, then what no record knows of. */
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
    if (removed > 0) this.#options.log.info("removed artifacts that had expired", { removed });
    if (this.#isClosed) return;
    await this.store.removeStrays({
      object: (object) => this.#isClosed || this.records.references(object) > 0,
      upload: (id) => this.#isClosed || this.records.get(id)?.state === "uploading",
    });
  }

  #checkKind(order: ArtifactRequest, token: StoredToken): StoredArtifact["kind"] {
    const { request_id: requestId } = order;
    const kind = order.kind ?? (token.role === "agent" ? "result" : "release");
    if (token.role === "agent") {
      if (kind !== "result") throw forbidden('an agent may upload only the kind "result"');
      if (requestId === undefined) {
        throw new WsctlError("MALFORMED", "request_id is missing: whose result is it?");
      }
      if (this.records.findOpenAgent(requestId) !== token.agentId) {
        throw forbidden("request_id must be that of a request of this agent that has not ended");
      }
      return kind;
    }
    if (token.role !== "admin") throw forbidden('this asks for a token of the role "admin"');
    if (kind !== "release") throw forbidden('only an agent may upload the kind "result"');
    if (requestId === undefined) return kind;
    throw new WsctlError("MALFORMED", "request_id is not known here: a release belongs to none");
  }

  /** The same order once more, as after a crash: the upload is given its time anew. */
  #existing(artifact: StoredArtifact, bytes: number, now: number): StoredArtifact {
    if (artifact.bytes !== bytes) {
      const text = `the same content was announced with ${artifact.bytes} bytes before`;
      throw new WsctlError("CONFLICT", text);
    }
    if (artifact.state === "ready") return artifact;
    const { expiresAt } = this.#expiry(artifact.kind, "uploading", now);
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
        "BUSY",
        `a request may have at most ${artifactsPerRequestMax} artifacts`,
      );
    }
    const { quotaBytes } = this.#options.limits;
    const usage = this.records.usage();
    if (usage.count >= artifactsMax) {
      throw new WsctlError("STORAGE_UNAVAILABLE", `there are ${artifactsMax} artifacts already`);
    }
    if (usage.bytes + bytes > quotaBytes) {
      throw new WsctlError(
        "STORAGE_UNAVAILABLE",
        `the artifacts' quota of ${quotaBytes} bytes (wsctl serve --artifact-quota) leaves ${Math.max(0, quotaBytes - usage.bytes)}: ${bytes} are too many; delete some, or wait until some expire`,
      );
    }
  }

  #expiry(
    kind: StoredArtifact["kind"],
    state: StoredArtifact["state"],
    now: number,
  ): { expiresAt?: number } {
    const { ttlMs } = this.#options.limits;
    if (state === "uploading") return { expiresAt: now + Math.min(ttlMs, artifactUploadMs) };
    return kind === "release" ? {} : { expiresAt: now + ttlMs };
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw storageError("the record of the artifact", error);
    }
  }
}

function isExpired({ expiresAt }: StoredArtifact, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

function forbidden(text: string): WsctlError {
  return new WsctlError("FORBIDDEN", text);
}
