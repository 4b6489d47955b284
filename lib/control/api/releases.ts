/**
 * HTTP routes that publish, list, show and delete releases. Agents verify the signatures
 * themselves; the checks here only catch operator mistakes.
 */
import type * as v from "valibot";
import { ReleaseRequest, type ReleaseView } from "../../protocol/api/releases.ts";
import type { Page } from "../../protocol/api/views.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { product, readManifest } from "../../release/manifest.ts";
import { compareVersions } from "../../release/semver.ts";
import type { StoredRelease } from "../journal/tables/releaseTable.ts";
import { type Route, type RouteContext, routeWithBody } from "./route.ts";

export const releaseRoutes: Route[] = [
  routeWithBody({
    method: "POST",
    path: "/api/v1/releases",
    permission: "releases.publish",
    notInConsole: true,
    action: "release.publish",
    outlives: true,
    body: ReleaseRequest,
    handle: publish,
  }),
  {
    method: "GET",
    path: "/api/v1/releases",
    permission: "releases.read",
    notInConsole: true,
    outlives: true,
    handle: list,
  },
  {
    method: "GET",
    path: "/api/v1/releases/:version",
    permission: "releases.read",
    notInConsole: true,
    outlives: true,
    handle: show,
  },
  {
    method: "DELETE",
    path: "/api/v1/releases/:version",
    permission: "releases.publish",
    notInConsole: true,
    action: "release.delete",
    handle: remove,
  },
];

type Context = RouteContext;

/**
 * Responds 201. Publishing the same manifest again adds signatures; another manifest of the same
 * version is rejected.
 */
function publish(context: RouteContext<v.InferOutput<typeof ReleaseRequest>>): Promise<Response> {
  const { c, body, engine, artifacts, authority, token, resource, now } = context;
  const { release, artifacts: ids } = body;
  const manifest = readManifest(release.manifest);
  if (manifest.product !== product) {
    throw new WsctlError(
      "MALFORMED",
      `Release is of product "${manifest.product}"; expected wsctl`,
    );
  }
  for (const { name, sha256, bytes } of manifest.files) {
    const artifact = artifacts.records.get(ids[sha256] ?? "");
    const isIt = artifact?.sha256 === sha256 && artifact.bytes === bytes;
    if (isIt && artifact.kind === "release" && artifact.state === "ready") continue;
    throw new WsctlError(
      "CONFLICT",
      `Cannot publish release: "${name}" is not uploaded. Use "wsctl release publish", which uploads it`,
    );
  }
  const { version } = manifest;
  resource.version = version;
  const known = engine.journal.releases.get(version);
  if (known !== undefined && known.release.manifest !== release.manifest) {
    const text = `Cannot publish release ${version}: it already exists with another manifest`;
    throw new WsctlError("CONFLICT", text);
  }
  const createdAt = known?.createdAt ?? now;
  const createdBy = known?.createdBy ?? token.tokenId;
  const stored = { version, release, artifacts: ids, createdAt, createdBy };
  engine.journal.releases.put(stored);
  return buildView(stored, { artifacts, authority }).then((view) => c.json(view, 201));
}

/** Lists releases, newest version first. */
async function list({ engine, artifacts, authority, c }: Context): Promise<Response> {
  const all = newestFirst(engine.journal.releases.all());
  const items = await Promise.all(all.map((each) => buildView(each, { artifacts, authority })));
  const page: Page<ReleaseView> = { items };
  return c.json(page);
}

/** Shows one release; `latest` is the highest version. */
async function show({ c, engine, artifacts, authority }: Context): Promise<Response> {
  const version = c.req.param("version") ?? "";
  const { releases } = engine.journal;
  const found = version === "latest" ? newestFirst(releases.all())[0] : releases.get(version);
  if (found === undefined) {
    const what = version === "latest" ? "No release" : `No release "${version}"`;
    throw new WsctlError(
      "NOT_FOUND",
      `${what} is published. Publish one with "wsctl release publish"`,
    );
  }
  return c.json(await buildView(found, { artifacts, authority }));
}

/** Deletes a release and those of its files that no other release uses. */
function remove({ c, engine, artifacts }: Context): Promise<Response> {
  const { releases } = engine.journal;
  const version = c.req.param("version") ?? "";
  const release = releases.get(version);
  if (release === undefined || !releases.remove(release.version)) {
    throw new WsctlError("NOT_FOUND", `Release "${version}" is not published`);
  }
  return removeFiles(release, { engine, artifacts }).then(() => c.body(null, 204));
}

async function removeFiles(
  release: StoredRelease,
  { engine, artifacts }: Pick<Context, "engine" | "artifacts">,
): Promise<void> {
  const { releases } = engine.journal;
  const kept = new Set(releases.all().flatMap((other) => Object.values(other.artifacts)));
  for (const id of Object.values(release.artifacts)) {
    const artifact = kept.has(id) ? undefined : artifacts.records.get(id);
    if (artifact !== undefined) await artifacts.remove(artifact);
  }
}

async function buildView(
  { version, release, artifacts: ids, createdAt, createdBy }: StoredRelease,
  { artifacts, authority }: Pick<Context, "artifacts" | "authority">,
): Promise<ReleaseView> {
  const kept = Object.values(ids).flatMap((id) => artifacts.records.get(id) ?? []);
  const downloads = await Promise.all(
    kept.map(async (artifact) => {
      const { url } = await artifacts.store.download(artifact, authority.fingerprint);
      return { sha256: artifact.sha256, bytes: artifact.bytes, url };
    }),
  );
  const created = { created_at: timestamp(createdAt), created_by: createdBy };
  return { version, release, ...created, downloads };
}

function newestFirst(releases: StoredRelease[]): StoredRelease[] {
  return releases.sort((a, b) => compareVersions(b.version, a.version));
}
