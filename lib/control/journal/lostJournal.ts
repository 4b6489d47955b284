/**
 * Refuses data directories whose log must not be opened: one that lost its log, so that it is not
 * mistaken for a new one, and one that is a node's copy of the log of a cluster.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { localFile } from "../../protocol/api/localCredentials.ts";
import { WsctlError } from "../../protocol/errors.ts";

/** Created only together with a log. */
const companions = [localFile, "artifacts", "index.db"];

/**
 * Checks that the log is not missing, and that no earlier build has used the directory.
 *
 * @throws {WsctlError} STORAGE_UNAVAILABLE with what is missing and what to do
 */
export function assertNotLost(dataDir: string): void {
  const earlier = join(dataDir, "control.db");
  if (existsSync(earlier)) {
    const text = `Cannot use the journal "${earlier}": it was written by a build before the first release`;
    const fix =
      "Specify another data directory, or remove the directory to start with an empty one";
    throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
  }
  const log = join(dataDir, "log");
  if (existsSync(join(log, "head"))) return;
  const companion = companions.find((name) => existsSync(join(dataDir, name)));
  if (companion === undefined) return;
  const text = `Cannot open the log "${log}": it is missing or empty, although "${companion}" exists`;
  const fix = `Restore it from a backup, or move all of "${dataDir}" to another place to start with a new log`;
  throw new WsctlError("STORAGE_UNAVAILABLE", `${text}. ${fix}`);
}

/** The file that a node of a cluster writes into its data directory. */
export const clusterMarker = "cluster.json";

/** @throws {WsctlError} USAGE if a cluster uses the directory */
export function assertNoCluster(dataDir: string): void {
  let text: string;
  try {
    text = readFileSync(join(dataDir, clusterMarker), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const { cluster } = JSON.parse(text) as { cluster?: string };
  const fact = `Cannot use "${dataDir}" without --cluster: it is a copy of the log of the cluster "${cluster}"`;
  const fix = "Start it with --cluster, or make it independent with wsctl cluster export";
  throw new WsctlError("USAGE", `${fact}. ${fix}`);
}
