/**
 * HTTP routes that create, complete, list, show and delete artifacts. The content does not pass
 * through the control plane: responses carry pre-signed URLs.
 */
import { validate as isUuid } from "uuid";
import * as v from "valibot";
import {
  type ArtifactDetail,
  ArtifactRequest,
  type ArtifactView,
  type NewArtifact,
} from "../../protocol/api/artifacts.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { AgentId } from "../../protocol/names.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Engine } from "../engine/engine.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { artifactView } from "../views/views.ts";
import { resolveId } from "./idPrefix.ts";
import { type Route, type RouteContext, readNumber, routeWithBody } from "./route.ts";

export const artifactRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/artifacts",
    permission: "artifacts.upload",
    action: "artifact.create",
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

/** Responds 201, with an upload URL unless the content is already stored. */
function createArtifact(context: RouteContext<ArtifactRequest>): Promise<Response> {
  const { artifacts, body, token, authority } = context;
  if (authority.isSession && body.kind !== "file") {
    const text = 'Console sessions may upload only the kind "file"';
    throw new WsctlError("FORBIDDEN", `${text}. Send a token in the Authorization header`);
  }
  return artifacts
    .create(body, token, authority)
    .then((artifact) => createdResponse(context, artifact));
}

async function createdResponse(
  { c, artifacts, authority, resource, publicAddress }: RouteContext<ArtifactRequest>,
  artifact: StoredArtifact,
): Promise<Response> {
  Object.assign(resource, { artifact_id: artifact.artifactId, name: artifact.name });
  const body: NewArtifact = artifactView(artifact);
  if (artifact.state === "uploading") {
    const signed = await artifacts.store.upload(artifact, authority.fingerprint);
    const { expiresAt, headers, resumable } = signed;
    const url = publicAddress.resolve(signed.url, c.req.header("host"));
    body.upload = { method: "PUT", url, headers, resumable, expires_at: timestamp(expiresAt) };
  }
  return c.json(body, 201);
}

/** Responds 202 while a large artifact is still being verified; the client repeats the request. */
function complete({ c, artifacts, token, authority }: RouteContext): Promise<Response> {
  const artifact = artifacts.find(c.req.param("artifact_id") ?? "");
  if (token.role === "agent" && artifact.agentId !== token.agentId) {
    throw new WsctlError("FORBIDDEN", "Cannot complete artifact: another agent created it");
  }
  return artifacts
    .complete(artifact, authority)
    .then((ready) =>
      ready === undefined ? c.json(artifactView(artifact), 202) : c.json(artifactView(ready)),
    );
}

function list({ c, artifacts, token, scope }: RouteContext): Response {
  if (token.role === "agent" || scope.isRestricted) {
    throw new WsctlError("FORBIDDEN", "Token may not list artifacts; fetch an artifact by its id");
  }
  const limit = readNumber(c, "limit", { least: 1, most: 500, otherwise: 50 });
  const before = c.req.query("cursor");
  if (before !== undefined && !isUuid(before)) {
    throw new WsctlError("MALFORMED", 'Query parameter "cursor" must be the id of an artifact');
  }
  const agentId = readFilter(c, "agent", AgentId, "the id of an agent");
  const name = readFilter(c, "name", ArtifactPattern, "a name, with * and ? as wildcards");
  const jobId = readFilter(c, "job", v.pipe(v.string(), v.uuid()), "the id of a job");
  const found = artifacts.list({ limit: limit + 1, before, agentId, name, jobId });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const page: Page<ArtifactView> = { items: items.map(artifactView) };
  if (found.length > limit && last !== undefined) page.next_cursor = last.artifactId;
  return c.json(page);
}

/** @throws {WsctlError} MALFORMED */
function readFilter<S extends v.GenericSchema<string>>(
  c: RouteContext["c"],
  name: string,
  schema: S,
  expected: string,
): string | undefined {
  const text = c.req.query(name);
  if (text === undefined || v.is(schema, text)) return text;
  throw new WsctlError("MALFORMED", `Query parameter "${name}" must be ${expected}`);
}

const ArtifactPattern = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

async function show(context: RouteContext): Promise<Response> {
  const { c, engine, artifacts, authority, token, scope, publicAddress } = context;
  const artifact = findArtifact(context);
  if (scope.isRestricted && !isCreatedBy(engine, artifact, token)) {
    throw new WsctlError("FORBIDDEN", "Token may fetch only artifacts that its own jobs created");
  }
  if (token.role === "agent" && !mayFetch(context, artifact)) {
    const text = "An agent may fetch only releases, and files that an open request of it names";
    throw new WsctlError("FORBIDDEN", text);
  }
  const body: ArtifactDetail = artifactView(artifact);
  if (artifact.state === "ready") {
    if (!(await artifacts.store.isAvailable(artifact))) {
      throw new WsctlError("NOT_FOUND", "Artifact content not found in the current object store");
    }
    const signed = await artifacts.store.download(artifact, authority.fingerprint);
    const url = publicAddress.resolve(signed.url, c.req.header("host"));
    body.download = { url, expires_at: timestamp(signed.expiresAt) };
  }
  return c.json(body);
}

/** `?request_id=` names the request whose parameters have the id of a file. */
function mayFetch({ c, engine, token }: RouteContext, artifact: StoredArtifact): boolean {
  const { kind, state, artifactId } = artifact;
  if (state !== "ready") return false;
  if (kind === "release") return true;
  const requestId = c.req.query("request_id") ?? "";
  if (kind !== "file" || engine.journal.findAgent(requestId) !== token.agentId) return false;
  const request = engine.core.dispatcher?.requests.get(requestId);
  const job = request && engine.journal.job(request.jobId);
  return JSON.stringify(job?.parameters ?? {}).includes(`"${artifactId}"`);
}

/** Refuses to delete a file of a published release: deleting the release removes it. */
function remove(context: RouteContext): Promise<Response> {
  const { c, engine, artifacts } = context;
  const artifact = findArtifact(context);
  const releases = engine.journal.releases.all();
  const owner = releases.find((each) =>
    Object.values(each.artifacts).includes(artifact.artifactId),
  );
  if (owner !== undefined) {
    const { version } = owner;
    const text = `Cannot delete artifact: it is part of release ${version}. Run "wsctl release delete ${version}"`;
    throw new WsctlError("CONFLICT", text);
  }
  return artifacts.remove(artifact).then(() => c.json({ artifact_id: artifact.artifactId }));
}

function isCreatedBy(
  engine: Engine,
  { requestId }: StoredArtifact,
  { tokenId }: StoredToken,
): boolean {
  const jobId = requestId === undefined ? undefined : engine.journal.findJobId(requestId);
  return jobId !== undefined && engine.journal.job(jobId)?.createdBy === tokenId;
}

/**
 * Finds the artifact that the path names or begins. A token that may not list artifacts must name
 * the whole id.
 */
function findArtifact({ c, artifacts, token, scope, resource, now }: RouteContext): StoredArtifact {
  const given = c.req.param("artifact_id") ?? "";
  if (token.role === "agent" || scope.isRestricted) return artifacts.find(given);
  const { records } = artifacts;
  const id = resolveId(given, {
    what: "artifact",
    isKnown: (each) => records.get(each) !== undefined,
    startingWith: (prefix, limit) => records.idsFrom(prefix, limit, now),
  });
  if (id !== given) resource.artifact_id = id;
  return artifacts.find(id);
}
