/** What a control plane knows of the cluster that it leads. */
import type { ClusterStatus } from "../../protocol/api/cluster.ts";
import type { NodeContent } from "../artifacts/localStore.ts";
import type { ControlJournal } from "../journal/journal.ts";

export interface ClusterSeat extends NodeContent {
  /** The journal of this node, which may be written while it leads. */
  journal: ControlJournal;
  /** What the nodes of the cluster prove themselves with. */
  nodeSecret: string;
  /** The token of commands on the hosts of all nodes. */
  localToken: string;
  /** Returns the addresses at which agents reach the nodes; none behind a load balancer. */
  addresses(): readonly string[];
  /**
   * @param agents how many are connected
   * @throws {WsctlError} UNAVAILABLE if NATS does not answer
   */
  status(agents: number): Promise<ClusterStatus>;
}
