/** Connects to NATS, and starts a node of the cluster. */
import type { ControlOptions } from "../control/start.ts";
import { ClusterNode, type ClusterNodeControl } from "./clusterNode.ts";
import { NatsClient } from "./nats/natsClient.ts";
import type { NatsSettings } from "./nats/threadMessages.ts";
import { shareValues, writeMarker } from "./sharedValues.ts";

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
    const shared = await shareValues(options, nats);
    writeMarker(options.dataDir, settings);
    const node = new ClusterNode({ ...options }, settings, { nats, state, shared });
    return await node.start();
  } catch (error) {
    await nats.close();
    throw error;
  }
}
