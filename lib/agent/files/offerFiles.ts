/** Reads a file or a directory of this host and stores it as an artifact of the request. */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { create } from "tar";
import * as v from "valibot";
import { PullFilesParameters } from "../../protocol/commands/files.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { ArtifactName } from "../../protocol/names.ts";
import type { ControlPlane } from "../../transfer/apiCall.ts";
import { uploadFile } from "../../transfer/upload.ts";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { isPathAllowed } from "./pathPatterns.ts";

export const OfferRequest = v.strictObject({
  parameters: PullFilesParameters,
  /** Patterns of the paths that may be read. */
  allowed: v.array(v.string()),
  access: ControlPlaneAccess,
  request_id: v.string(),
  /** The directory of the run, for the archive. */
  dir: v.string(),
});
export type OfferRequest = v.InferOutput<typeof OfferRequest>;

export interface Offered {
  artifact: { artifact_id: string; name: string; bytes: number; sha256: string };
  /** Whether it is a tar archive of a directory. */
  archive: boolean;
  /** Links and special files in the directory, which are left out. */
  left_out?: number;
}

/**
 * Stores what the path names.
 * @throws {WsctlError} FORBIDDEN if the path is not allowed, NOT_FOUND, CONFLICT for a special file
 */
export async function offerFiles(
  { parameters, allowed, request_id, dir }: OfferRequest,
  controlPlane: ControlPlane,
  signal: AbortSignal,
): Promise<Offered> {
  const path = realPath(parameters.path);
  const stats = lstatSync(path);
  requireAllowed(allowed, path, stats.isDirectory());
  if (stats.isFile()) {
    const artifact = await store(path, nameOf(path), { request_id, controlPlane, signal });
    return { artifact, archive: false };
  }
  if (!stats.isDirectory()) {
    throw new WsctlError("CONFLICT", `"${path}" is neither a file nor a directory`);
  }
  const archive = join(dir, "archive.tar");
  let leftOut = 0;
  await create(
    {
      file: archive,
      cwd: dirname(path),
      portable: true,
      filter: (name, entry) => {
        const isPlain = "isFile" in entry && (entry.isFile() || entry.isDirectory());
        const isWanted = isPlain && isAllowedBelow(allowed, join(dirname(path), name), entry);
        if (!isWanted) leftOut++;
        return isWanted;
      },
    },
    [basename(path) || "."],
  );
  const artifact = await store(archive, `${nameOf(path)}.tar`, {
    request_id,
    controlPlane,
    signal,
  });
  return { artifact, archive: true, ...(leftOut === 0 ? {} : { left_out: leftOut }) };
}

interface StoreOptions {
  request_id: string;
  controlPlane: ControlPlane;
  signal: AbortSignal;
}

async function store(
  path: string,
  name: string,
  { request_id, controlPlane, signal }: StoreOptions,
) {
  const request = { name, request_id, kind: "result" } as const;
  const { artifact_id, bytes, sha256 } = await uploadFile({ controlPlane, path, request, signal });
  return { artifact_id, name, bytes, sha256 };
}

/** A name that is no valid name of an artifact is replaced. */
function nameOf(path: string): string {
  const name = basename(path);
  return v.is(ArtifactName, `${name}.tar`) ? name : "files";
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new WsctlError("NOT_FOUND", `cannot read "${path}": ${errorText(error)}`);
  }
}

function requireAllowed(allowed: readonly string[], path: string, isDirectory: boolean): void {
  if (isPathAllowed(allowed, path)) return;
  // A directory is allowed if what is below it is.
  if (isDirectory && isPathAllowed(allowed, join(path, "x"))) return;
  const text = `this host does not allow to read "${path}"`;
  throw new WsctlError("FORBIDDEN", `${text}; allow it with wsctl agent --allow-pull PATTERN`);
}

function isAllowedBelow(
  allowed: readonly string[],
  path: string,
  entry: { isDirectory(): boolean },
): boolean {
  return entry.isDirectory() || isPathAllowed(allowed, path);
}
