/** Takes the log of a single control plane into an empty cluster, and back. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { clusterMarker } from "../control/journal/lostJournal.ts";
import type { Log } from "../log/log.ts";
import { WsctlError } from "../protocol/errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { openSegment } from "../store/log/compressed/segmentFile.ts";
import { openFileStorage } from "../store/log/fileStorage.ts";
import { firstDigest, toHex } from "../store/log/format.ts";
import { HeadFile } from "../store/log/head.ts";
import { recover } from "../store/log/recovery.ts";
import type { LogStorage } from "../store/log/storage.ts";
import type { Clock } from "../time/clock.ts";
import { copyFiles } from "./copy/copyFiles.ts";
import { Replica } from "./copy/replica.ts";
import { NatsClient } from "./nats/natsClient.ts";
import type { NatsSettings } from "./nats/threadMessages.ts";
import { shareValues, writeMarker } from "./sharedValues.ts";

export interface MoveOptions {
  dataDir: string;
  settings: NatsSettings;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

/**
 * Publishes the log of a data directory into an empty cluster. The directory is a node's copy then.
 *
 * @returns the number of entries
 * @throws {WsctlError} USAGE if the cluster is not empty or the directory has no log, UNAVAILABLE,
 *   STORAGE_UNAVAILABLE
 */
export async function importLog(options: MoveOptions): Promise<number> {
  const { dataDir, settings, runtime } = options;
  const path = join(dataDir, "log");
  const storage = openFileStorage({ path, tryLock: runtime.tryLock });
  try {
    const head = new HeadFile(storage).readExisting();
    if (head === undefined) throw unusable(dataDir, "it has no log");
    return await withNats(settings, async (nats) => {
      const logId = toHex(head.logId);
      const shared = await shareValues(options, nats, logId);
      const origin = await nats.call("origin", null);
      if (shared.log_id !== logId || origin !== undefined) {
        const text = `Cannot import into the cluster "${settings.cluster}": it has a log`;
        throw new WsctlError("USAGE", `${text}. Choose another --cluster-name`);
      }
      const entries = await publishAll(storage, nats);
      writeMarker(dataDir, settings);
      return entries;
    });
  } finally {
    storage.release();
  }
}

/**
 * Completes a node's copy of the log, and makes it the log of a single control plane.
 *
 * @returns the number of the last entry
 * @throws {WsctlError} USAGE if a node leads the cluster, UNAVAILABLE, STORAGE_UNAVAILABLE
 */
export async function exportLog(options: MoveOptions): Promise<number> {
  const { dataDir, settings } = options;
  return await withNats(settings, async (nats) => {
    const [running] = await nats.call("nodes", null);
    if (running !== undefined) {
      const text = `Cannot export the cluster "${settings.cluster}": its node ${running.node} is running`;
      throw new WsctlError(
        "USAGE",
        `${text}. Stop all nodes first: the log must not grow meanwhile`,
      );
    }
    const { log_id: logId } = await shareValues(options, nats);
    const { cluster, node } = settings;
    const copied = { ...options, nats, cluster, node, logId };
    const replica = await Replica.open(copied, copyFiles(copied));
    try {
      await replica.catchUp();
    } finally {
      replica.close();
    }
    rmSync(join(dataDir, clusterMarker), { force: true });
    return replica.sequence;
  });
}

async function withNats<T>(
  settings: NatsSettings,
  use: (nats: NatsClient) => Promise<T>,
): Promise<T> {
  const nats = new NatsClient();
  try {
    await nats.call("open", settings);
    return await use(nats);
  } finally {
    await nats.close();
  }
}

async function publishAll(storage: LogStorage, nats: NatsClient): Promise<number> {
  const batches: {
    segment: number;
    offset: number;
    bytes: number;
    first: number;
    digest: string;
  }[] = [];
  let entries = 0;
  const head = new HeadFile(storage).readExisting();
  const found = recover({
    ...{ storage, owner: "controlPlane" as const, head },
    onBatch({ batch, offset }, segment) {
      const { first, bytes } = batch;
      entries += batch.count;
      batches.push({ segment, offset, bytes, first, digest: toHex(batch.digest) });
    },
  });
  let previous = toHex(found?.segments[0]?.previous ?? firstDigest);
  let { last: expected } = await nats.call("streamState", null);
  for (const { segment, offset, bytes, first, digest } of batches) {
    const file = openSegment(storage, segment);
    const content = file.read(offset, bytes);
    file.close();
    const request = { bytes: content, first, previous, expected };
    const outcome = await new Promise<{ status: string; position: number; reason: string }>(
      (resolve) => nats.publish(request, resolve),
    );
    if (outcome.status !== "stored") {
      const text = `Cannot import the log: entry ${first} was not stored (${outcome.reason})`;
      const fix = "Delete the stream and the buckets of the cluster in NATS, and import again";
      throw new WsctlError("UNAVAILABLE", `${text}. ${fix}`);
    }
    expected = outcome.position;
    previous = digest;
  }
  return entries;
}

function unusable(dataDir: string, reason: string): WsctlError {
  return new WsctlError("USAGE", `Cannot import "${dataDir}": ${reason}`);
}
