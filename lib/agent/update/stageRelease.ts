/**
 * Staging a version: it is found at the control plane, judged by this host alone, fetched with its
 * length and hash checked, and put where it can be tried. The control plane is not trusted with any
 * of it: what it gives is signed by keys that it does not have, or is refused.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { ReleaseView } from "../../protocol/api/views.ts";
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
  way: ControlPlaneAccess,
  /** The version that runs. */
  current: v.string(),
  version: v.optional(v.string()),
  allowDowngrade: v.boolean(),
  connectMs: v.number(),
  healthyMs: v.number(),
  /** What the request allows for all of it. */
  timeoutMs: v.number(),
  /** Texts of the trusted keys, and how many of them have to have signed. */
  keys: v.array(v.string()),
  threshold: v.number(),
  dir: v.string(),
});
export type StageRequest = v.InferOutput<typeof StageRequest>;

/** What it comes to: an update to be tried, or why there is nothing to do. */
export type StagedRelease = { update: Update } | { version: string; message: string };

export interface StageOptions {
  controlPlane: ControlPlane;
  /** Told how far it is, for whoever watches. */
  onProgress(line: string): void;
  signal: AbortSignal;
  now: number;
}

/** Throws a `WsctlError` that says what is wrong with the release; nothing was changed then. */
export async function stageRelease(
  order: StageRequest,
  options: StageOptions,
): Promise<StagedRelease> {
  const { controlPlane, onProgress, signal, now } = options;
  assertTimeLeft(order);
  const path = `/api/v1/releases/${encodeURIComponent(order.version ?? "latest")}`;
  const release = (await ask(controlPlane, "GET", path, undefined, signal)).body as ReleaseView;
  const trust = { keys: order.keys.map(parsePublicKey), threshold: order.threshold };
  const { manifest, signers } = verifyRelease(release.release, trust, now);
  const { version } = manifest;
  // What was asked for is what is wanted, whatever the control plane hands out under that name.
  if (order.version !== undefined && version !== order.version) {
    throw new WsctlError("CONFLICT", `release ${order.version} was asked for, ${version} came`);
  }
  onProgress(
    `release ${version}, signed by ${signers.length} of ${trust.keys.length} trusted keys`,
  );
  const isOlder = compareVersions(version, order.current) < 0;
  if (version === order.current) return { version, message: `${version} runs already` };
  if (isOlder && !order.allowDowngrade) {
    const text = `${version} is older than ${order.current}, which runs: allow_downgrade goes back`;
    throw new WsctlError("CONFLICT", text);
  }
  const file = findFile(manifest, thisPlatform());
  if (file === undefined) {
    throw new WsctlError("NOT_FOUND", `release ${version} has no file for ${thisPlatform()}`);
  }
  const program = await fetchProgram(order, file, release, options);
  const { current: from, connectMs, healthyMs } = order;
  return { update: { from, to: version, file: program, connectMs, healthyMs } };
}

/** A trial that outlasts its request would have nobody to be answered to. */
function assertTimeLeft({ timeoutMs, connectMs, healthyMs }: StageRequest): void {
  if (timeoutMs > connectMs + healthyMs) return;
  const seconds = (connectMs + healthyMs) / 1000;
  const text = `its trial may take ${seconds} s, and the request allows ${timeoutMs / 1000} s in all: give it more time (--timeout)`;
  throw new WsctlError("USAGE", text);
}

/** One version waits at a time; what an earlier try of the same one has fetched counts. */
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
