/**
 * With WSCTL_TEST_CLUSTER=1, each control plane of a test is the only node of a cluster of its own,
 * so that the tests of a single control plane hold the guarantees of a cluster, too. All clusters
 * of a run share one NATS server.
 */
import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { NatsServers } from "../servers/nats.ts";

export const isClusterMode = process.env.WSCTL_TEST_CLUSTER === "1";

let servers: Promise<NatsServers> | undefined;

/** The server ends with this process: see prctl(2), PR_SET_PDEATHSIG. */
const endsWithThis = {
  on: () => ["setpriv", "--pdeathsig", "KILL"],
  address: () => "127.0.0.1",
};

function startServers(): Promise<NatsServers> {
  return NatsServers.start(mkdtempSync(join(tmpdir(), "wsctl-nats-")), 1, "", endsWithThis);
}

/** The flags of `serve` that make it the only node of a cluster; none outside of this mode. */
export async function clusterArgs(dataDir: string): Promise<string[]> {
  if (!isClusterMode) return [];
  servers ??= startServers();
  const { urls } = await servers;
  const name = createHash("sha256").update(`${dataDir}`).digest("hex").slice(0, 16);
  return ["--cluster", urls, "--cluster-name", name, "--cluster-accept-unsynced"];
}
