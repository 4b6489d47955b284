/**
 * Receives files from the control plane and places them on this host. Every path is checked before
 * the first file is written.
 */
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { extract } from "tar";
import * as v from "valibot";
import { digestFile } from "../../files/fileDigest.ts";
import { PushFilesParameters } from "../../protocol/commands/files.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { ControlPlane } from "../../transfer/apiCall.ts";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { fetchArtifact } from "./fetchArtifact.ts";
import { isPathAllowed, notWritable, realTarget } from "./pathPatterns.ts";
import { type Change, type NewFile, type PlaceOptions, placeFile } from "./placeFile.ts";

export const ReceiveRequest = v.strictObject({
  parameters: PushFilesParameters,
  /** Patterns of the paths that may be written. */
  allowed: v.array(v.string()),
  access: ControlPlaneAccess,
  request_id: v.string(),
  /** The directory of the run, for the download. */
  dir: v.string(),
});
export type ReceiveRequest = v.InferOutput<typeof ReceiveRequest>;

export interface ReceiveOptions {
  controlPlane: ControlPlane;
  /** Called with each file and its change. */
  onFile(line: string): void;
  signal: AbortSignal;
}

export interface Received {
  created: number;
  changed: number;
  unchanged: number;
  /** Nothing was written: it is what would change. */
  check?: true;
}

/** More entries than this are no push, but an image. */
const entriesMax = 20_000;

/**
 * Receives the files of a request.
 * @throws {WsctlError} FORBIDDEN if a path is not allowed, MALFORMED for an archive that is not one
 *   of `wsctl push`, or the reason why the artifact cannot be fetched
 * @throws {WsctlError} USAGE if the owner does not exist
 */
export async function receiveFiles(
  request: ReceiveRequest,
  options: ReceiveOptions,
): Promise<Received> {
  const { parameters, allowed, request_id: requestId } = request;
  const { path, check } = parameters;
  // Refused before the download, as far as the path of a single file tells it.
  if (!parameters.archive) requireAllowed(allowed, realTarget(path));
  const placing: PlaceOptions = {
    requestId,
    mode: parameters.mode === undefined ? undefined : Number.parseInt(parameters.mode, 8),
    owner: parameters.owner === undefined ? undefined : findOwner(parameters.owner),
    isBackedUp: parameters.backup,
    isCheck: check,
  };
  const files = await fetchFiles(request, options);
  const targets = files.map(({ name, ...file }) => {
    const target = realTarget(name === "" ? path : join(path, name));
    requireAllowed(allowed, target);
    return { target, file };
  });
  const counts: Record<Change, number> = { created: 0, changed: 0, unchanged: 0 };
  for (const { target, file } of targets) {
    options.signal.throwIfAborted();
    const change = await place(target, file, placing);
    counts[change]++;
    if (change !== "unchanged") options.onFile(`${check ? "would be " : ""}${change} ${target}`);
  }
  return { ...counts, ...(check ? { check } : {}) };
}

async function place(target: string, file: NewFile, options: PlaceOptions): Promise<Change> {
  try {
    return await placeFile(target, file, options);
  } catch (error) {
    const what = options.isCheck ? "check" : "write";
    throw new WsctlError("INTERNAL", `Cannot ${what} "${target}": ${errorText(error)}`);
  }
}

function requireAllowed(allowed: readonly string[], target: string): void {
  if (!isPathAllowed(allowed, target)) throw new WsctlError("FORBIDDEN", notWritable(target));
}

/** A file with its path below the target; the empty path is the target itself. */
type FetchedFile = NewFile & { name: string };

async function fetchFiles(
  { parameters, request_id, dir }: ReceiveRequest,
  { controlPlane, signal }: ReceiveOptions,
): Promise<FetchedFile[]> {
  const { sha256, archive, source_mode } = parameters;
  const from = join(dir, "content");
  await fetchArtifact(parameters, { requestId: request_id, path: from, controlPlane, signal });
  if (!archive) return [{ name: "", from, sha256, mode: Number.parseInt(source_mode, 8) }];
  const tree = join(dir, "tree");
  await unpack(from, tree);
  rmSync(from);
  return await Promise.all(
    filesBelow(tree).map(async (name) => {
      const file = join(tree, name);
      const digest = await digestFile(file, signal);
      return { name, from: file, sha256: digest.sha256, mode: lstatSync(file).mode };
    }),
  );
}

/** Unpacks files and directories into a new directory; other entries are refused. */
async function unpack(archive: string, tree: string): Promise<void> {
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { mode: 0o700 });
  let entries = 0;
  let wrong: string | undefined;
  await extract({
    file: archive,
    cwd: tree,
    strict: true,
    filter: (path, entry) => {
      const type = "type" in entry ? entry.type : undefined;
      const isPlain = type === "File" || type === "OldFile" || type === "Directory";
      const isBelow = !path.startsWith("/") && !path.split("/").includes("..");
      if (!isPlain || !isBelow) wrong ??= path;
      return ++entries <= entriesMax && wrong === undefined;
    },
  });
  if (wrong !== undefined) {
    throw new WsctlError("MALFORMED", `the archive has the entry "${wrong}", which is no file`);
  }
  if (entries > entriesMax) {
    throw new WsctlError("TOO_LARGE", `the archive has more than ${entriesMax} entries`);
  }
}

/** Returns the paths of all files below a directory, sorted. */
function filesBelow(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

function findOwner(text: string): { uid: number; gid: number | undefined } {
  const [user = "", group] = text.split(":");
  const uid = lookUp("user", user, ["id", "-u", "--", user], /^(\d+)$/);
  if (group === undefined) return { uid, gid: undefined };
  return { uid, gid: lookUp("group", group, ["getent", "group", group], /^[^:]*:[^:]*:(\d+)/) };
}

function lookUp(what: string, name: string, command: string[], shape: RegExp): number {
  if (/^\d+$/.test(name)) return Number(name);
  const [file = "", ...args] = command;
  const { stdout } = spawnSync(file, args, { encoding: "utf8" });
  const id = shape.exec((stdout ?? "").trim())?.[1];
  if (id !== undefined) return Number(id);
  throw new WsctlError("USAGE", `there is no ${what} "${name}" on this host`);
}
