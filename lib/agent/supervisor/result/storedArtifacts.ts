/**
 * Has another program store what a run left: the files in its artifact directory, and a result that
 * is too large for a message.
 */
import { text } from "node:stream/consumers";
import * as v from "valibot";
import { errorText } from "../../../protocol/errors.ts";
import { isJsonObject } from "../../../protocol/json.ts";
import type { PipedProcess } from "../../../runtime/runtime.ts";
import type { Helper, RunEnd } from "../runFiles.ts";
import type { ResultFile } from "./resultFile.ts";

/** What the storing program is told about the run. */
export interface StoredPlace {
  dir: string;
  /** A result that is too large, if there is one. */
  result_file?: string;
  uid?: number;
  /** It ends within this time, with what it has. */
  timeout_ms: number;
}

const Stored = v.object({
  artifacts: v.array(
    v.object({ artifact_id: v.string(), name: v.string(), bytes: v.number(), sha256: v.string() }),
  ),
  /** What could not be stored, and why. */
  faults: v.array(v.string()),
});
export type StoredArtifacts = v.InferOutput<typeof Stored>;

/** The time in which the storing program reports what it could not store. */
const reserveMs = 1_000;

export interface StoringOptions {
  storing: Helper;
  place: ResultFile;
  /** The rest of the timeout of the request, in milliseconds. */
  timeoutMs: number;
  spawn(helper: Helper): PipedProcess;
}

/** A failure to store does not change how the program ended; it is a fault of the result. */
export async function storeArtifacts(options: StoringOptions): Promise<StoredArtifacts> {
  const { storing, place, timeoutMs, spawn } = options;
  const of: StoredPlace = {
    dir: place.artifactDir,
    ...(place.isTooLarge ? { result_file: place.path } : {}),
    ...(place.uid === undefined ? {} : { uid: place.uid }),
    timeout_ms: Math.max(1, timeoutMs - reserveMs),
  };
  try {
    const stdin = JSON.stringify({ ...JSON.parse(storing.stdin), place: of });
    const { child, stdout, stderr } = spawn({ ...storing, stdin });
    const limit = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const [said, complaint] = await Promise.all([text(stdout), text(stderr)]);
    clearTimeout(limit);
    const parsed = v.safeParse(Stored, readJson(said));
    if (parsed.success) return parsed.output;
    const why = complaint.trim() || "the time of the request was over";
    return { artifacts: [], faults: [`the artifacts were not stored: ${why}`] };
  } catch (error) {
    return { artifacts: [], faults: [`the artifacts were not stored: ${errorText(error)}`] };
  }
}

/** Adds the artifacts to the result of the program. */
export function withArtifacts(
  end: RunEnd,
  { artifacts, faults }: StoredArtifacts,
  isTooLarge: boolean,
): RunEnd {
  const { result, resultFault, exitCode = null } = end;
  const own = isJsonObject(result)
    ? result
    : result === undefined
      ? { exit_code: exitCode }
      : { result };
  // A result that is an artifact now is not missing.
  const isKept = isTooLarge && artifacts.some(({ name }) => name === "result.json");
  const missing = [...(resultFault === undefined || isKept ? [] : [resultFault]), ...faults];
  const { resultFault: _fault, result: _result, ...rest } = end;
  return {
    ...rest,
    result: {
      ...own,
      ...(artifacts.length === 0 ? {} : { artifacts }),
      ...(missing.length === 0 ? {} : { result_fault: missing.join("; ") }),
    },
  };
}

function readJson(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return undefined;
  }
}
