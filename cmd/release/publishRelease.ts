/**
 * Publishes a signed release: its files go to the artifact store, its manifest to the control
 * plane.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { Client } from "../../lib/client/client.ts";
import { readTextFile } from "../../lib/files/readText.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { type FileInfo, readFileInfo } from "../../lib/release/files.ts";
import { type ReleaseFile, readManifest, readSignedRelease } from "../../lib/release/manifest.ts";
import { uploadFile } from "../../lib/transfer/upload.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { createClient, findControlPlane } from "../flags/controlPlane.ts";
import { print, printJson, remark } from "../output/stdio.ts";
import { table } from "../output/table.ts";
import { terminalProgress } from "../output/transferProgress.ts";

interface Options extends ClientFlags {
  json?: boolean | undefined;
}

export interface PublishOptions extends Options {
  release: string;
  /** The directory with its files, by their names in the release. */
  dir: string;
  /** `PLATFORM=PATH`, for files with other names. */
  files: string[];
}

export async function publishRun(options: PublishOptions): Promise<number> {
  const release = readSignedRelease(readText(options.release));
  const manifest = readManifest(release.manifest);
  // All files must exist before the first upload.
  const found = manifest.files.map((file) => ({ file, path: resolvePath(file, options) }));
  const controlPlane = await findControlPlane(options);
  const client = new Client(controlPlane);
  const signal = waitForSignal(() => process.exit(exitFailed));
  const progress = terminalProgress();
  const artifacts: Record<string, string> = {};
  for (const { file, path } of found) {
    const transfer = progress.add(file.name, file.bytes);
    const request = { name: file.name, kind: "release" } as const;
    try {
      const onProgress = transfer.update;
      const { artifact_id } = await uploadFile({
        controlPlane,
        path,
        request: request,
        onProgress,
        signal,
      });
      artifacts[file.sha256] = artifact_id;
    } finally {
      transfer.end();
    }
  }
  const { version } = await client.publishRelease({ release, artifacts });
  if (options.json) printJson({ version, artifacts });
  else print(`published ${version}`);
  remark(`Install it with: wsctl send update --param version=${version}`);
  return exitOk;
}

export async function listRun(options: Options): Promise<number> {
  const releases = await (await createClient(options)).releases();
  if (options.json) releases.forEach(printJson);
  else if (releases.length === 0) remark("No published releases.");
  else {
    const rows = releases.map(({ version, created_at, created_by, downloads, release }) => [
      version,
      created_at,
      created_by,
      String(downloads.length),
      String(release.signatures.length),
    ]);
    print(table(["VERSION", "PUBLISHED", "BY", "FILES", "SIGNATURES"], rows));
  }
  return exitOk;
}

export async function deleteRun(options: Options & { version: string }): Promise<number> {
  await (await createClient(options)).deleteRelease(options.version);
  if (options.json) printJson({ version: options.version, deleted: true });
  else print(`deleted ${options.version}`);
  return exitOk;
}

function readText(path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    throw usage(`Cannot read the release "${path}": ${errorText(error)}`);
  }
}

function readInfo(path: string): FileInfo {
  try {
    return readFileInfo(path);
  } catch (error) {
    throw usage(`Cannot read the release's file "${path}": ${errorText(error)}`);
  }
}

function resolvePath(file: ReleaseFile, { dir, files }: PublishOptions): string {
  const given = files.find((text) => text.startsWith(`${file.platform}=`));
  const path = given?.slice(file.platform.length + 1) ?? join(dir, basename(file.name));
  if (!existsSync(path)) {
    const fix = `specify --dir, or --file ${file.platform}=PATH`;
    throw usage(`Cannot find the release's file for ${file.platform} at "${path}": ${fix}`);
  }
  const { bytes, sha256 } = readInfo(path);
  if (bytes === file.bytes && sha256 === file.sha256) return path;
  throw new WsctlError(
    "CONFLICT",
    `"${path}" is not the file that was signed for ${file.platform}`,
  );
}
