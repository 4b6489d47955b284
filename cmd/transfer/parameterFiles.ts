/** Parameters that are files: they are uploaded once, and each agent fetches them. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import type { ArgsDef } from "citty";
import * as v from "valibot";
import { errorText } from "../../lib/protocol/errors.ts";
import { type JsonObject, setKey } from "../../lib/protocol/json.ts";
import { ArtifactName } from "../../lib/protocol/names.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { usage } from "../cli/strictArgs.ts";

export const fileArgs = {
  file: {
    type: "string",
    valueHint: "KEY=PATH",
    description: "parameter that is a file; it is uploaded, and each agent fetches it (repeatable)",
  },
} as const satisfies ArgsDef;

interface ParameterFile {
  key: string;
  path: string;
  name: string;
}

/**
 * Parses the values of `--file`.
 * @param parameters The other parameters, whose names are taken.
 * @throws {WsctlError} USAGE with the value that names no file
 */
export function parseFiles(
  pairs: readonly string[],
  parameters: JsonObject | undefined,
): ParameterFile[] {
  const taken = new Set(Object.keys(parameters ?? {}));
  return pairs.map((pair) => {
    const [, key, path] = /^([^=]+)=(.+)$/s.exec(pair) ?? [];
    if (key === undefined || path === undefined) {
      throw usage(`Flag --file is "${pair}": expected KEY=PATH`);
    }
    if (taken.has(key)) throw usage(`Parameter "${key}" is given twice`);
    taken.add(key);
    const name = basename(path);
    if (!isFile(path)) throw usage(`Cannot send "${path}": it is not a file. Pack it, as with tar`);
    if (v.is(ArtifactName, name)) return { key, path, name };
    throw usage(`Cannot send "${path}": a name must be printable text. Rename the file`);
  });
}

/** Uploads the files, and returns the parameters that name them. */
export async function uploadFiles(
  files: readonly ParameterFile[],
  controlPlane: ControlPlane,
): Promise<JsonObject> {
  const parameters: JsonObject = {};
  for (const { key, path, name } of files) {
    const { uploadSource } = await import("./uploadSource.ts");
    setKey(parameters, key, { ...(await uploadSource(controlPlane, path, name)), name });
  }
  return parameters;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (error) {
    throw usage(`Cannot send "${path}": ${errorText(error)}`);
  }
}
