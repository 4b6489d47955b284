/** Stores what a program left as artifacts of its request. */
import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import * as v from "valibot";
import { errorText } from "../../protocol/errors.ts";
import { ArtifactName } from "../../protocol/names.ts";
import type { ControlPlane } from "../../transfer/apiCall.ts";
import { uploadFile } from "../../transfer/upload.ts";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import type { StoredArtifacts } from "../supervisor/result/storedArtifacts.ts";

export const StoreRequest = v.strictObject({
  access: ControlPlaneAccess,
  request_id: v.string(),
  ttl_seconds: v.optional(v.number()),
  place: v.strictObject({
    /** The directory of the files. */
    dir: v.string(),
    result_file: v.optional(v.string()),
    /** The user whose files are taken. */
    uid: v.optional(v.number()),
    timeout_ms: v.number(),
  }),
});
export type StoreRequest = v.InferOutput<typeof StoreRequest>;

/** Stores each file that can be stored; a fault of one does not concern the others. */
export async function storeArtifacts(
  { request_id, ttl_seconds, place }: StoreRequest,
  controlPlane: ControlPlane,
  stopped: AbortSignal,
): Promise<StoredArtifacts> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(place.timeout_ms)]);
  const stored: StoredArtifacts = { artifacts: [], faults: [] };
  const paths = readdirSync(place.dir)
    .sort()
    .map((name) => join(place.dir, name));
  if (place.result_file !== undefined) paths.push(place.result_file);
  for (const path of paths) {
    const name = basename(path);
    try {
      const request = {
        ...{ name: v.parse(ArtifactName, name), request_id, kind: "result" as const },
        ...(ttl_seconds === undefined ? {} : { ttl_seconds }),
      };
      const artifact = await withFile(path, place.uid, (file) =>
        uploadFile({ controlPlane, path: file, request, signal }),
      );
      const { artifact_id, bytes, sha256 } = artifact;
      stored.artifacts.push({ artifact_id, name, bytes, sha256 });
    } catch (error) {
      stored.faults.push(`cannot store "${name}": ${errorText(error)}`);
    }
  }
  return stored;
}

/**
 * Calls `run` with a path that leads to the checked file, whatever its name is by then. The program
 * may have left a link to a file that only the agent may read.
 */
async function withFile<T>(
  path: string,
  uid: number | undefined,
  run: (path: string) => Promise<T>,
): Promise<T> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error("it is not a regular file");
    if (stats.nlink !== 1 || stats.uid !== (uid ?? stats.uid)) {
      throw new Error("it is not a file of the program's user");
    }
    return await run(process.platform === "linux" ? `/proc/self/fd/${fd}` : path);
  } finally {
    closeSync(fd);
  }
}
