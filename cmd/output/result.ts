/** What is shown of a request's result. */
import * as v from "valibot";
import { ArtifactName } from "../../lib/protocol/names.ts";
import { quantity } from "./quantity.ts";
import { formatBytes } from "./transferProgress.ts";

/** Fields that the outcome itself, or a remark of its own, already shows. */
const shownElsewhere = ["exit_code", "signal", "result_fault", "artifacts"];

const Fault = v.object({ result_fault: v.string() });

/** Whether a result contains more than how the program ended. */
export function hasMoreDetail(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return result !== undefined;
  return Object.keys(result).some((key) => !shownElsewhere.includes(key));
}

/** Returns why the result that the program returned is missing, if it is. */
export function resultFault(result: unknown): string | undefined {
  return v.is(Fault, result) ? result.result_fault : undefined;
}

const Stored = v.object({
  artifacts: v.array(
    v.object({ artifact_id: v.pipe(v.string(), v.uuid()), name: ArtifactName, bytes: v.number() }),
  ),
});
type StoredArtifact = v.InferOutput<typeof Stored>["artifacts"][number];

/** Returns the files that the program left. */
export function storedArtifacts(result: unknown): StoredArtifact[] {
  return v.is(Stored, result) ? result.artifacts : [];
}

const FetchedLogs = v.object({
  lines: v.number(),
  bytes: v.number(),
  files: v.array(v.object({ lines_without_timestamp: v.optional(v.number()) })),
  files_omitted: v.optional(v.number(), 0),
  skipped: v.optional(v.array(v.object({ path: v.string(), reason: v.string() })), []),
  skipped_omitted: v.optional(v.number(), 0),
  stopped: v.optional(v.boolean(), false),
  /** Where a result is that is too large for a message. */
  artifact: v.optional(v.object({ artifact_id: v.pipe(v.string(), v.uuid()), name: v.string() })),
  file: v.optional(v.string()),
});

/** Returns the result of `fetch_logs` in words, or undefined if it is no such result. */
export function describeLogs(result: unknown): string[] | undefined {
  const parsed = v.safeParse(FetchedLogs, result);
  if (!parsed.success) return undefined;
  const { lines, bytes, files, skipped, stopped, artifact, file, ...rest } = parsed.output;
  const undated = files.reduce((sum, each) => sum + (each.lines_without_timestamp ?? 0), 0);
  const fileCount = quantity(files.length + rest.files_omitted, "file");
  const note = undated === 0 ? "" : `; ${quantity(undated, "line")} without a known time`;
  const end = stopped ? "; stopped early" : "";
  return [
    `${quantity(lines, "line")} (${formatBytes(bytes)}) of ${fileCount}${note}${end}`,
    ...(artifact === undefined
      ? []
      : [`${artifact.name}: wsctl artifacts get ${artifact.artifact_id}`]),
    ...(file === undefined ? [] : [`on the host as ${file}`]),
    ...skipped.map(({ path, reason }) => `skipped ${path}: ${reason}`),
    ...(rest.skipped_omitted === 0 ? [] : [`skipped ${rest.skipped_omitted} more files`]),
  ];
}
