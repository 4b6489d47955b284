/** What the control plane of a leader has of its cluster. */
import type { ClusterSeat } from "../control/api/clusterSeat.ts";
import type { ControlJournal } from "../control/journal/journal.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ContentOfNodes } from "./forward/contentOfNodes.ts";
import type { NatsSettings, NatsState, SharedValues } from "./nats/threadMessages.ts";
import type { NodeDirectory } from "./nodeDirectory.ts";

export interface LeaderSeatOptions {
  settings: NatsSettings;
  shared: SharedValues;
  nats: NatsState;
  directory: NodeDirectory;
  runtime: Runtime;
  journal: ControlJournal;
  epoch: number;
}

export function leaderSeat(options: LeaderSeatOptions): ClusterSeat {
  const { settings, shared, nats, directory, runtime, journal, epoch } = options;
  const { cluster, node: leader } = settings;
  const nodeSecret = shared.node_secret;
  const content = new ContentOfNodes({ nodes: () => directory.others(), runtime, nodeSecret });
  return {
    journal,
    nodeSecret,
    localToken: shared.local_token,
    fetchContent: (object, file) => content.fetchContent(object, file),
    addresses: () => directory.addresses,
    status: (agents) => directory.status({ cluster, leader, epoch, nats }, agents),
  };
}
