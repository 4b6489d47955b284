/**
 * Artifacts over HTTP: ordered, completed, listed, shown, deleted. What is in them does not pass
 * through here: the answers carry pre-signed URLs.
 */
import { validate as isUuid } from "uuid";
import {
  type ArtifactDetail,
  ArtifactRequest,
  type ArtifactView,
  type NewArtifact,
} from "../../protocol/api/artifacts.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { credentialFingerprint } from "../auth/credentialFingerprint.ts";
import type { Engine } from "../engine/engine.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { artifactView } from "../views/views.ts";
import { type Route, type RouteContext, readNumber, routeWithBody } from "./route.ts";

export const artifactRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/artifacts",
    permission: "artifacts.upload",
    action: "artifact.order",
    outlives: true,
    body: ArtifactRequest,
    handle: createArtifact,
  }),
  { method: "GET", path: "/api/v1/artifacts", permission: "artifacts.read", handle: list },
  {
    method: "GET",
    path: "/api/v1/artifacts/:artifact_id",
    permission: "artifacts.read",
    outlives: true,
    handle: show,
  },
  {
    method: "POST",
    path: "/api/v1/artifacts/:artifact_id/complete",
    permission: "artifacts.upload",
    action: "artifact.complete",
    handle: complete,
  },
  {
    method: "DELETE",
    path: "/api/v1/artifacts/:artifact_id",
    permission: "artifacts.delete",
    action: "artifact.delete",
    handle: remove,
  },
];

/** 201 with where to upload, or without that where the content is known already. */
function createArtifact(context: RouteContext<ArtifactRequest>): Promise<Response> {
  const { artifacts, body, token, authority } = context;
  return artifacts
    .create(body, token, authority)
    .then((artifact) => createdResponse(context, artifact));
}

async function createdResponse(
  { c, artifacts, token, resource }: RouteContext<ArtifactRequest>,
  artifact: StoredArtifact,
): Promise<Response> {
  Object.assign(resource, { artifact_id: artifact.artifactId, name: artifact.name });
  const body: NewArtifact = artifactView(artifact);
  if (artifact.state === "uploading") {
    const { url, expiresAt, headers, resumable } = await artifacts.store.upload(
      artifact,
      credentialFingerprint(token),
    );
    body.upload = { method: "PUT", url, headers, resumable, expires_at: timestamp(expiresAt) };
  }
  return c.json(body, 201);
}

/** 202 while a large one is still being compared: ask again. */
function complete({ c, artifacts, token, authority }: RouteContext): Promise<Response> {
  const artifact = findArtifact({ c, artifacts });
  if (token.role === "agent" && artifact.agentId !== token.agentId) {
    throw new WsctlError("FORBIDDEN", "only who ordered an artifact may complete it");
  }
  return artifacts
    .complete(artifact, authority)
    .then((ready) =>
      ready === undefined ? c.json(artifactView(artifact), 202) : c.json(artifactView(ready)),
    );
}

function list({ c, artifacts, token, scope }: RouteContext): Response {
  if (token.role === "agent" || scope.isRestricted) {
    throw new WsctlError("FORBIDDEN", "this token may fetch artifacts by their ids alone");
  }
  const limit = readNumber(c, "limit", { least: 1, most: 500, otherwise: 50 });
  const before = c.req.query("cursor");
  if (before !== undefined && !isUuid(before)) {
    throw new WsctlError("MALFORMED", 'query parameter "cursor" must be the id of an artifact');
  }
  const found = artifacts.list(limit + 1, before);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const page: Page<ArtifactView> = { items: items.map(artifactView) };
  if (found.length > limit && last !== undefined) page.next_cursor = last.artifactId;
  return c.json(page);
}

async function show({ c, engine, artifacts, token, scope }: RouteContext): Promise<Response> {
  const artifact = findArtifact({ c, artifacts });
  if (scope.isRestricted && !isCreatedBy(engine, artifact, token)) {
    throw new WsctlError("FORBIDDEN", "this token may fetch only what its own jobs have left");
  }
  if (token.role === "agent" && (artifact.kind !== "release" || artifact.state !== "ready")) {
    throw new WsctlError("FORBIDDEN", "an agent may fetch only releases that are ready");
  }
  const body: ArtifactDetail = artifactView(artifact);
  if (artifact.state === "ready") {
    if (!artifacts.store.has(artifact.object)) {
      throw new WsctlError("NOT_FOUND", "its content is not in the store that is used now");
    }
    const { url, expiresAt } = await artifacts.store.download(
      artifact,
      credentialFingerprint(token),
    );
    body.download = { url, expires_at: timestamp(expiresAt) };
  }
  return c.json(body);
}

/** What a published release is made of goes with the release alone. */
function remove({ c, engine, artifacts }: RouteContext): Promise<Response> {
  const artifact = findArtifact({ c, artifacts });
  const releases = engine.journal.releases.all();
  const owner = releases.find((each) =>
    Object.values(each.artifacts).includes(artifact.artifactId),
  );
  if (owner !== undefined) {
    const { version } = owner;
    const text = `it is part of the release ${version}: "wsctl release delete ${version}" removes both`;
    throw new WsctlError("CONFLICT", text);
  }
  return artifacts.remove(artifact).then(() => c.body(null, 204));
}

function isCreatedBy(
  engine: Engine,
  { requestId }: StoredArtifact,
  { tokenId }: StoredToken,
): boolean {
  const jobId = requestId === undefined ? undefined : engine.journal.findJobId(requestId);
  return jobId !== undefined && engine.journal.job(jobId)?.createdBy === tokenId;
}

function findArtifact({ c, artifacts }: Pick<RouteContext, "c" | "artifacts">): StoredArtifact {
  return artifacts.find(c.req.param("artifact_id") ?? "");
}
