/**
 * Stages a version: finds it at the control plane, verifies it on this host, downloads it with a
 * check of length and hash, and puts it where it can be tried. The control plane is not trusted:
 * everything that it sends must be signed by keys that it does not have.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { ReleaseView } from "../../protocol/api/releases.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { parsePublicKey } from "../../protocol/keys.ts";
import { findFile, type ReleaseFile } from "../../release/manifest.ts";
import { thisPlatform } from "../../release/platform.ts";
import { compareVersions } from "../../release/semver.ts";
import { verifyRelease } from "../../release/verify.ts";
import { ask, type ControlPlane } from "../../transfer/apiCall.ts";
import { downloadFile } from "../../transfer/download.ts";
import type { Update } from "../core/model.ts";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";

export const StageRequest = v.strictObject({
  access: ControlPlaneAccess,
  /** The version that runs. */
  current: v.string(),
  version: v.optional(v.string()),
  allowDowngrade: v.boolean(),
  connectMs: v.number(),
  healthyMs: v.number(),
  /** The timeout of the request, in milliseconds. */
  timeoutMs: v.number(),
  /** The trusted public keys; `threshold` of them must have signed. */
  keys: v.array(v.string()),
  threshold: v.number(),
  dir: v.string(),
});
export type StageRequest = v.InferOutput<typeof StageRequest>;

/** The result: an update for a trial, or the reason why nothing is to do. */
export type StagedRelease = { update: Update } | { version: string; message: string };

export interface StageOptions {
  controlPlane: ControlPlane;
  /** Called with the progress, for subscribers of the output. */
  onProgress(line: string): void;
  signal: AbortSignal;
  now: number;
}

/**
 * Stages a release.
 * @throws {WsctlError} The reason why the release is rejected. In this case nothing has changed.
 * @throws {WsctlError} CONFLICT, NOT_FOUND
 */
export async function stageRelease(
  request: StageRequest,
  options: StageOptions,
): Promise<StagedRelease> {
  const { controlPlane, onProgress, signal, now } = options;
  assertTimeLeft(request);
  const path = `/api/v1/releases/${encodeURIComponent(request.version ?? "latest")}`;
  const release = (await ask(controlPlane, "GET", path, undefined, signal)).body as ReleaseView;
  const trust = { keys: request.keys.map(parsePublicKey), threshold: request.threshold };
  const { manifest, signers } = verifyRelease(release.release, trust, now);
  const { version } = manifest;
  // The version must be the requested one, whatever the control plane sends.
  if (request.version !== undefined && version !== request.version) {
    throw new WsctlError(
      "CONFLICT",
      `expected release ${request.version}, but the control plane sent ${version}`,
    );
  }
  onProgress(
    `release ${version}, signed by ${signers.length} of ${trust.keys.length} trusted keys`,
  );
  const isOlder = compareVersions(version, request.current) < 0;
  if (version === request.current) return { version, message: `version ${version} already runs` };
  if (isOlder && !request.allowDowngrade) {
    const text = `version ${version} is older than the current ${request.current}: set allow_downgrade to install it`;
    throw new WsctlError("CONFLICT", text);
  }
  const file = findFile(manifest, thisPlatform());
  if (file === undefined) {
    throw new WsctlError("NOT_FOUND", `release ${version} has no file for ${thisPlatform()}`);
  }
  const program = await fetchProgram(request, file, release, options);
  const { current: from, connectMs, healthyMs } = request;
  return { update: { from, to: version, file: program, connectMs, healthyMs } };
}

/** If the trial outlasted its request, there would be no request to respond to. */
function assertTimeLeft({ timeoutMs, connectMs, healthyMs }: StageRequest): void {
  if (timeoutMs > connectMs + healthyMs) return;
  const seconds = (connectMs + healthyMs) / 1000;
  const text = `the trial can take ${seconds} s, but the timeout of the request is ${timeoutMs / 1000} s: set a longer --timeout`;
  throw new WsctlError("USAGE", text);
}

/**
 * Only one version is staged at a time; a file of an earlier attempt at the same version is reused.
 */
async function fetchProgram(
  { dir }: StageRequest,
  file: ReleaseFile,
  release: ReleaseView,
  { controlPlane, onProgress, signal }: StageOptions,
): Promise<string> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, file.sha256);
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(file.sha256)) rmSync(join(dir, name), { recursive: true });
  }
  const download = release.downloads.find(({ sha256 }) => sha256 === file.sha256);
  if (download === undefined) {
    throw new WsctlError("NOT_FOUND", `the control plane does not have ${file.name}`);
  }
  let toldPercent = 0;
  await downloadFile({
    ...{ url: download.url, controlPlane, path, bytes: file.bytes, sha256: file.sha256, signal },
    onProgress: (doneBytes, totalBytes) => {
      const percent = Math.floor((10 * doneBytes) / totalBytes) * 10;
      if (percent <= toldPercent) return;
      toldPercent = percent;
      onProgress(`${percent}% of ${(totalBytes / 1e6).toFixed(1)} MB`);
    },
  });
  chmodSync(path, 0o700);
  return path;
}
