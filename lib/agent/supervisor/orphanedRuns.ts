/** Deletes what earlier processes of the agent left in the directory of the runs. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FaultGuard } from "../../log/faultGuard.ts";
import type { DirectoryCleanup } from "./directoryCleanup.ts";
import type { OutputRetention } from "./output/outputRetention.ts";
import { runOfDirectory } from "./runDirectory.ts";
import { endFile, subscribedFile } from "./runFiles.ts";

/** A run that no request needs is deleted after this time. */
const orphanedAfterMs = 24 * 60 * 60 * 1000;

interface CleanupParts {
  guard: FaultGuard;
  retention: OutputRetention;
  leftovers: DirectoryCleanup;
  now: number;
}

/**
 * Deletes the directories in `dir` that no request needs, unless their programs may still run.
 * @param kept The directories of runs that requests need.
 */
export function deleteOrphanedRuns(
  dir: string,
  kept: ReadonlySet<string>,
  parts: CleanupParts,
): void {
  const { guard } = parts;
  guard.attempt(`find old runs in "${dir}"`, () => {
    for (const name of readdirSync(dir)) {
      const run = join(dir, name);
      if (kept.has(runOfDirectory(run))) continue;
      guard.attempt(`clean up "${run}"`, () => deleteIfOrphaned(run, parts));
    }
  });
}

function deleteIfOrphaned(run: string, { retention, leftovers, now }: CleanupParts): void {
  const isOver = existsSync(join(run, endFile));
  const isRetained = isOver && existsSync(join(run, subscribedFile));
  if (isRetained) retention.keep(run, now - statSync(join(run, endFile)).mtimeMs);
  else if (isOver || now - statSync(run).mtimeMs > orphanedAfterMs) leftovers.remove(run);
}
