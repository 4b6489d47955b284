/** What the process that collects is told, and what it answers. */
import * as v from "valibot";
import { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { Source } from "./logSource.ts";
import type { Skipped } from "./openInputs.ts";
import { FetchLogsParameters } from "./parameters.ts";
import type { FileCount } from "./selectLines.ts";

const bytesRule = "must be a whole number of bytes";

/** How a large result becomes an artifact of its request. */
const Upload = v.strictObject({
  way: ControlPlaneAccess,
  request_id: v.string(),
  name: v.string(),
});
export type Upload = v.InferOutput<typeof Upload>;

export const CollectRequest = v.strictObject({
  source: Source,
  parameters: FetchLogsParameters,
  /** Where everything that is found is written; a file of that name is replaced. */
  output: v.pipe(v.string(), v.startsWith("/", "must be an absolute path")),
  /** Whether somebody watches, and is to be told how far it is. */
  live: v.boolean(),
  /** Up to so many bytes are printed; more are left in `output` alone. */
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
  /** Of all of it, in hexadecimal. */
  sha256: string;
  /** Files that were read, the oldest first; of programs and the journal none. */
  files: FileCount[];
  /** Files that are left off here, so that this stays short. */
  files_omitted?: number;
  skipped?: Skipped[];
  skipped_omitted?: number;
  /** It was told to stop, and this is what there was until then. */
  stopped?: true;
  /** Where it is, if it was too long to be printed. */
  file?: string;
  /** What storing it came to. */
  artifact?: unknown;
}

/** The lists of an answer together are short enough for any answer. */
const filesCharsMax = 12 * 1024;
const skippedCharsMax = 6 * 1024;

/** Pure: the newest files and the first faults, and how many more there are. */
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
