/** Connects to NATS, and starts a node of the cluster. */
import { type ControlOptions, startControl } from "../control/start.ts";
import { WsctlError } from "../protocol/errors.ts";
import { ClusterNode, type ClusterNodeControl } from "./clusterNode.ts";
import { copyFiles } from "./copy/copyFiles.ts";
import { FollowerServer } from "./forward/followerServer.ts";
import { NatsClient } from "./nats/natsClient.ts";
import type { NatsSettings } from "./nats/threadMessages.ts";
import type { NodeParts } from "./nodeParts.ts";
import { shareValues, writeMarker } from "./sharedValues.ts";

const parts: NodeParts = { openServer: FollowerServer.open, copyFiles, startControl };

/**
 * Starts a node, which listens when this returns.
 *
 * @throws {WsctlError} UNAVAILABLE or USAGE with what is wrong with NATS, STORAGE_UNAVAILABLE
 */
export async function startClusterNode(
  options: ControlOptions,
  settings: NatsSettings,
): Promise<ClusterNodeControl> {
  const nats = new NatsClient();
  nats.onEvent = (event) => {
    if (event.event === "waiting") options.log.info("NATS is not ready", { reason: event.reason });
  };
  try {
    const state = await nats.call("open", settings);
    const shared = await whenAnswered(options, () => shareValues(options, nats));
    writeMarker(options.dataDir, settings);
    const opened = { nats, state, shared };
    const node = new ClusterNode({ ...options }, settings, opened, parts);
    return await node.start();
  } catch (error) {
    await nats.close();
    throw error;
  }
}

const retryMs = 500;

/** NATS was there when it was opened, so what it does not answer now is asked again. */
async function whenAnswered<T>({ clock, log }: ControlOptions, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof WsctlError) || error.code !== "UNAVAILABLE") throw error;
      log.warn("NATS does not answer yet", { reason: error.message });
      await new Promise<void>((resolve) => clock.after(retryMs, resolve));
    }
  }
}
