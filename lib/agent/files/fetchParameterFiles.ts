/** Fetches the files that are parameters of a custom command, before its program starts. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { ArtifactParameter } from "../../protocol/commands/files.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { ControlPlane } from "../../transfer/apiCall.ts";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { fetchArtifact } from "./fetchArtifact.ts";

export const FetchRequest = v.strictObject({
  access: ControlPlaneAccess,
  request_id: v.string(),
  files: v.array(
    v.strictObject({
      ...ArtifactParameter.entries,
      /** The name of the parameter. */
      parameter: v.string(),
      path: v.string(),
    }),
  ),
});
export type FetchRequest = v.InferOutput<typeof FetchRequest>;

/**
 * Fetches the files one after the other.
 * @throws {WsctlError} with the parameter whose file cannot be fetched, and the reason
 */
export async function fetchParameterFiles(
  { request_id: requestId, files }: FetchRequest,
  controlPlane: ControlPlane,
  signal: AbortSignal,
): Promise<void> {
  for (const { parameter, path, ...content } of files) {
    try {
      mkdirSync(dirname(path), { mode: 0o700 });
      await fetchArtifact(content, { requestId, path, controlPlane, signal });
    } catch (error) {
      const text = `Cannot fetch the file of parameter "${parameter}": ${errorText(error)}`;
      throw new WsctlError(error instanceof WsctlError ? error.code : "INTERNAL", text);
    }
  }
}
