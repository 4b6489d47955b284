/** What the first node of a cluster creates, and every other one takes over. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newTokenText } from "../control/auth/bearerTokens.ts";
import { clusterMarker } from "../control/journal/lostJournal.ts";
import { writeFileAtomically } from "../files/atomicWrite.ts";
import type { Clock } from "../time/clock.ts";
import type { ClusterNats } from "./nats/natsClient.ts";
import type { NatsSettings, SharedValues } from "./nats/threadMessages.ts";

/**
 * Returns the shared values, and writes the certificate authority of the cluster into the data
 * directory.
 *
 * @param logId Hexadecimal: the id of the log, if the cluster has none yet.
 */
export async function shareValues(
  { dataDir, clock }: { dataDir: string; clock: Clock },
  nats: ClusterNats,
  logId = randomBytes(16).toString("hex"),
): Promise<SharedValues> {
  const dir = join(dataDir, "tls");
  await import("reflect-metadata");
  const { loadOrCreateCa } = await import("../control/tls/certificateAuthority.ts");
  await loadOrCreateCa(dir, clock.wall());
  const files = { cert: join(dir, "ca.pem"), key: join(dir, "ca-key.pem") };
  const authority = {
    cert: readFileSync(files.cert, "utf8"),
    key: readFileSync(files.key, "utf8"),
  };
  const node_secret = randomBytes(32).toString("hex");
  const local_token = newTokenText();
  const own: SharedValues = { log_id: logId, node_secret, local_token, authority };
  const shared = await nats.call("shared", own);
  if (shared.authority.cert !== authority.cert) {
    writeFileAtomically(files.key, shared.authority.key);
    writeFileAtomically(files.cert, shared.authority.cert);
  }
  return shared;
}

/** Marks a data directory as a copy, which `wsctl serve` without a cluster must not write. */
export function writeMarker(dataDir: string, { cluster, node, servers }: NatsSettings): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const text = JSON.stringify({ cluster, node, servers }, null, 2);
  writeFileAtomically(join(dataDir, clusterMarker), `${text}\n`);
}
