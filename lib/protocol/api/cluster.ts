/** The state of a cluster of control planes: `GET /api/v1/cluster`. */
import * as v from "valibot";
import { Timestamp } from "../timestamp.ts";

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

const ClusterNode = v.object({
  node: v.string(),
  /** Where the other nodes reach it. */
  url: v.string(),
  version: v.string(),
  role: v.picklist(["leader", "follower"]),
  /** The last entry of the log that the node has. */
  sequence: whole,
  /** How many agents are connected to it. */
  agents: whole,
  started_at: Timestamp,
});

export const ClusterStatus = v.object({
  /** The name of the cluster. */
  cluster: v.string(),
  /** The node that leads, and how often that has changed. */
  leader: v.string(),
  epoch: whole,
  /** The last entry of the log. */
  sequence: whole,
  durability: v.picklist(["replicated and synced", "replicated, not synced"]),
  nats: v.object({
    /** The server that the leader is connected to. */
    server: v.string(),
    version: v.string(),
    /** How many servers store the log. */
    replicas: whole,
  }),
  nodes: v.array(ClusterNode),
});
export type ClusterStatus = v.InferOutput<typeof ClusterStatus>;
