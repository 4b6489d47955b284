/** The request to the process that collects log lines, and its response. */
import { isAbsolute } from "node:path";
import * as v from "valibot";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { Source } from "./logSource.ts";
import type { Skipped } from "./openInputs.ts";
import { FetchLogsParameters } from "./parameters.ts";
import type { FileCount } from "./selectLines.ts";

const bytesRule = "must be a whole number of bytes";

/** The data for an upload of a large result as an artifact. */
const Upload = v.strictObject({
  access: ControlPlaneAccess,
  request_id: v.string(),
  name: v.string(),
});
export type Upload = v.InferOutput<typeof Upload>;

export const CollectRequest = v.strictObject({
  source: Source,
  parameters: FetchLogsParameters,
  /** The file for all lines that match; an existing file is replaced. */
  output: v.pipe(v.string(), v.check(isAbsolute, "must be an absolute path")),
  /** Whether the output has a subscriber who gets progress lines. */
  live: v.boolean(),
  /** A result up to this size is printed; a larger one is only in `output`. */
  inline_bytes: v.pipe(
    v.number(bytesRule),
    v.integer(bytesRule),
    v.minValue(0, bytesRule),
    v.maxValue(Number.MAX_SAFE_INTEGER, bytesRule),
  ),
  upload: v.optional(Upload),
});
export type CollectRequest = v.InferOutput<typeof CollectRequest>;

export interface CollectResult {
  lines: number;
  bytes: number;
  /** SHA-256 of the whole result in hexadecimal. */
  sha256: string;
  /** The files that were read, the oldest first; empty for programs and the journal. */
  files: FileCount[];
  /** The number of files that are omitted in `files`, to limit its size. */
  files_omitted?: number;
  skipped?: Skipped[];
  skipped_omitted?: number;
  /** Set if the collection was stopped; the result is what was read until then. */
  stopped?: true;
  /** The path of the result if it was too large to print. */
  file?: string;
  /** The response to the upload. */
  artifact?: unknown;
}

/** The lists of a response must fit into any message. */
const filesCharsMax = 12 * 1024;
const skippedCharsMax = 6 * 1024;

/** Returns the newest files and the first faults, with the number of omitted ones. Pure. */
export function shortened(
  files: FileCount[],
  skipped: Skipped[],
): Omit<CollectResult, CollectFacts> {
  const shownFiles = fitResult([...files].reverse(), filesCharsMax).reverse();
  const shownSkipped = fitResult(skipped, skippedCharsMax);
  const filesLeft = files.length - shownFiles.length;
  const skippedLeft = skipped.length - shownSkipped.length;
  return {
    files: shownFiles,
    ...(filesLeft === 0 ? {} : { files_omitted: filesLeft }),
    ...(skipped.length === 0 ? {} : { skipped: shownSkipped }),
    ...(skippedLeft === 0 ? {} : { skipped_omitted: skippedLeft }),
  };
}

type CollectFacts = "lines" | "bytes" | "sha256";

function fitResult<T>(items: T[], charsMax: number): T[] {
  let chars = 0;
  const end = items.findIndex((item) => {
    chars += JSON.stringify(item).length + 1;
    return chars > charsMax;
  });
  return end < 0 ? items : items.slice(0, end);
}
