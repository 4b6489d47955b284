/**
 * What the control plane and its NATS thread say to each other. The connection to NATS has a thread
 * of its own, so that a write that must be durable before it returns can wait for it.
 */

/** How to reach NATS, and which cluster this is. */
export interface NatsSettings {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`. */
  servers: readonly string[];
  user?: string;
  password?: string;
  /** The text of a credentials file of NATS. */
  credentials?: string;
  /** PEM text of the CA of the NATS servers. */
  ca?: string;
  /** The name of the cluster: several can share the servers. */
  cluster: string;
  /** The name of this node. */
  node: string;
  /** How many servers store the log. By default 3 in a cluster of NATS, and 1 without one. */
  replicas?: number;
}

/** What is known of the connection. */
export interface NatsState {
  /** The address of the server that this node is connected to, and its version. */
  server: string;
  version: string;
  replicas: number;
}

/** Values that all nodes share. They are written once. */
export interface SharedValues {
  /** Hexadecimal: the id in all files of the log. */
  log_id: string;
  /** Hexadecimal: what nodes prove themselves to each other with. */
  node_secret: string;
  /** The token of commands on the hosts of the nodes, of the role `admin`. */
  local_token: string;
  /** The CA that issues the certificates of all nodes, PEM. */
  authority: { cert: string; key: string };
}

/** What the lease says of its holder. */
export interface Leader {
  node: string;
  /** Where the other nodes reach it. */
  url: string;
  /** PEM text of the CA of its certificate. */
  ca?: string;
  server_name?: string;
  /** Each leader has a larger one than those before it. */
  epoch: number;
}

/** What a node says of itself, every second. */
export interface NodeState {
  node: string;
  url: string;
  version: string;
  role: "leader" | "follower";
  /** The last entry of the log that this node has. */
  sequence: number;
  /** How many agents it passes on to the leader. The leader knows its own from all. */
  agents: number;
  started_at: string;
  /** Where agents reach it; missing behind a load balancer, which has one address for all. */
  agent_url?: string;
  /** Its certificate, for the other nodes, as in `Leader`. */
  ca?: string;
  server_name?: string;
}

export interface BatchPosition {
  /** The sequence of the message in the stream that holds the end of the batch. */
  position: number;
}

export interface StreamEnd extends BatchPosition {
  /** The last sequence of the stream, which may have parts of a batch that is not complete. */
  last: number;
  sequence: number;
  /** Hexadecimal: the digest of the batch that ends with the entry. */
  digest: string;
}

/** The calls of the main thread: what they take and what they return. */
export interface ThreadCalls {
  open: { input: NatsSettings; output: NatsState };
  /** The first and the last sequence of the stream. */
  streamState: { input: null; output: { first: number; last: number } };
  /** The position of the batch that ends before an entry; undefined if the stream lacks it. */
  findBefore: { input: number; output: (BatchPosition & { digest: string }) | undefined };
  /** The last entry of the stream, with its position; undefined if the stream has none. */
  end: { input: null; output: StreamEnd | undefined };
  /** The first entry of the stream, and the digest before it. */
  origin: { input: null; output: { sequence: number; digest: string } | undefined };
  /** Sends an event `batch` for each batch after a position, until `unfollow`. */
  follow: { input: BatchPosition; output: null };
  unfollow: { input: null; output: null };
  removeBefore: { input: number; output: null };
  shared: { input: SharedValues; output: SharedValues };
  /** Applies for the lease, again and again, until it is held or given back. */
  apply: { input: Omit<Leader, "epoch">; output: null };
  giveBack: { input: null; output: null };
  present: { input: NodeState; output: null };
  nodes: { input: null; output: NodeState[] };
  close: { input: null; output: null };
}

export type CallName = keyof ThreadCalls;

export interface PublishRequest {
  /** Where the result is written: see `lib/threads/sharedAnswer.ts`. */
  result: SharedArrayBuffer;
  id: number;
  bytes: Uint8Array;
  /** The sequence of its first entry, and the digest before it. */
  first: number;
  previous: string;
  /** The last sequence of the stream, or nothing is stored. */
  expected: number;
}

export type ToThread =
  | { [Name in CallName]: { call: Name; id: number; input: ThreadCalls[Name]["input"] } }[CallName]
  | { publish: PublishRequest }
  /** The main thread has taken a batch of this call of `follow`. */
  | { taken: number };

/** A batch of the stream, or no bytes for a message that completes none. */
export interface StreamBatch extends BatchPosition {
  bytes: Uint8Array;
}

export type ThreadEvent =
  | { event: "batch"; batch: StreamBatch; following: number }
  /** The result of a publication is there. */
  | { event: "published"; id: number }
  /** The holder of the lease; undefined if it is free. */
  | { event: "leader"; leader: Leader | undefined }
  /** This node holds the lease. */
  | { event: "elected"; epoch: number }
  /** This node holds the lease again, after it had expired. */
  | { event: "retaken" }
  /** This node held the lease, and another one may. */
  | { event: "deposed"; reason: string }
  | { event: "connection"; isUp: boolean }
  /** The lease could not be read or renewed, which is tried again. */
  | { event: "trouble"; reason: string }
  /** NATS is there, and not ready yet. */
  | { event: "waiting"; reason: string }
  /** Following has ended with an error. */
  | { event: "fault"; reason: string };

export type FromThread =
  | { id: number; output: unknown }
  | { id: number; error: { code: "UNAVAILABLE" | "USAGE" | "INTERNAL"; message: string } }
  | ThreadEvent;
