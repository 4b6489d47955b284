/**
 * A node of a cluster. It follows the log, and passes requests on to the leader. When it is elected
 * it is a control plane itself, until another node is.
 */
import { type Control, type ControlOptions, startControl } from "../control/start.ts";
import type { StoredTrust } from "../network/trust.ts";
import type { ClusterStatus } from "../protocol/api/cluster.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { timestamp } from "../protocol/timestamp.ts";
import { version } from "../protocol/wire/version.ts";
import { FollowerServer } from "./followerServer.ts";
import { NatsClient } from "./nats/natsClient.ts";
import type { PublishOutcome } from "./nats/publishResult.ts";
import type {
  Leader,
  NatsSettings,
  NatsState,
  NodeState,
  SharedValues,
  ThreadEvent,
} from "./nats/threadMessages.ts";
import { presentNode } from "./presence.ts";
import { Replica } from "./replica.ts";
import { shareValues, writeMarker } from "./sharedValues.ts";
import { Signal } from "./signal.ts";

export interface ClusterNodeControl extends Control {
  /** Resolves with the reason if the node cannot go on. */
  failed: Promise<WsctlError>;
}

/** Whether NATS syncs before it acknowledges cannot be asked, so it is not claimed. */
const durability = "replicated, not synced";
const retryMs = 500;

/** How the leadership of a node ends. */
type LeadEnd = { reason: "stopped" } | { reason: "deposed"; text: string };

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

class ClusterNode {
  readonly #options: ControlOptions;
  readonly #settings: NatsSettings;
  readonly #nats: NatsClient;
  readonly #natsState: NatsState;
  readonly #shared: SharedValues;
  readonly #startedAt: string;
  #replica: Replica | undefined;
  #server: FollowerServer | undefined;
  #address: { url: string } & StoredTrust = { url: "" };
  #leader: Leader | undefined;
  #role: NodeState["role"] = "follower";
  #epoch = 0;
  #isNatsUp = true;
  #isStopping = false;
  #stopPresence = () => {};
  #elected = new Signal<number | undefined>();
  #leadEnd = new Signal<LeadEnd>();
  readonly #failed = new Signal<WsctlError>();

  constructor(
    options: ControlOptions,
    settings: NatsSettings,
    opened: { nats: NatsClient; state: NatsState; shared: SharedValues },
  ) {
    this.#options = options;
    this.#settings = settings;
    this.#nats = opened.nats;
    this.#natsState = opened.state;
    this.#shared = opened.shared;
    this.#startedAt = timestamp(options.clock.wall());
    this.#nats.onEvent = (event) => this.#received(event);
    this.#nats.onFailed = (error) => this.#fail(error);
  }

  async start(): Promise<ClusterNodeControl> {
    await this.#openReplica();
    await this.#serveAsFollower();
    const { localUrl: url, publicUrl, port } = this.#server as FollowerServer;
    this.#stopPresence = presentNode(this.#nats, this.#options.clock, () => this.#describe());
    await this.#apply();
    const running = this.#run().catch((error) => this.#fail(error));
    return {
      ...{ url, publicUrl, port },
      failed: this.#failed.promise,
      close: async () => {
        this.#isStopping = true;
        this.#elected.resolve(undefined);
        this.#leadEnd.resolve({ reason: "stopped" });
        await running;
        await this.#stop();
      },
    };
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const epoch = await this.#elected.promise;
      this.#elected = new Signal();
      if (epoch === undefined || this.#isStopping) return;
      await this.#lead(epoch);
      if (this.#isStopping) return;
      await this.#openReplica();
      await this.#serveAsFollower();
      await this.#apply();
    }
  }

  async #lead(epoch: number): Promise<void> {
    const { log } = this.#options;
    this.#leadEnd = new Signal();
    if (this.#isStopping) this.#leadEnd.resolve({ reason: "stopped" });
    const replica = this.#replica as Replica;
    this.#epoch = epoch;
    try {
      await replica.lead(epoch);
    } catch (error) {
      log.warn("election not used", { epoch, reason: errorText(error) });
      await this.#leave();
      replica.journal.close();
      return;
    }
    await this.#server?.close();
    this.#server = undefined;
    const { dataDir } = this.#options;
    const seat = {
      journal: replica.journal,
      nodeSecret: this.#shared.node_secret,
      status: () => this.#status(),
    };
    const control = await startControl({ ...this.#options, seat });
    this.#role = "leader";
    this.#leader = undefined;
    log.info("node leads the cluster", { node: this.#settings.node, epoch, data_dir: dataDir });
    const end = await this.#leadEnd.promise;
    this.#role = "follower";
    if (end.reason === "deposed") {
      replica.suspend("this node does not lead the cluster any more");
      log.warn("node no longer leads the cluster", { epoch, reason: end.text });
      await control.close(0);
    } else await control.close();
    this.#replica = undefined;
    await this.#leave();
  }

  /** Gives the lease back, so that another node need not wait for its end. */
  async #leave(): Promise<void> {
    await this.#nats.call("giveBack", null).catch(() => {});
  }

  async #openReplica(): Promise<void> {
    const { dataDir, clock, runtime, log } = this.#options;
    const { cluster, node } = this.#settings;
    const common = { dataDir, clock, runtime, log, nats: this.#nats, cluster, node };
    const replica = await Replica.open({ ...common, logId: this.#shared.log_id });
    replica.onFailed = (error) => this.#fail(error);
    replica.onElected = (elected) => this.#sawElection(elected);
    replica.onFault = (outcome) => this.#faulted(outcome);
    this.#replica = replica;
    await replica.catchUp();
  }

  async #serveAsFollower(): Promise<void> {
    this.#server = await FollowerServer.open(this.#options, {
      node: this.#settings.node,
      nodeSecret: this.#shared.node_secret,
      leader: () => this.#leader,
      sequence: () => this.#replica?.sequence ?? 0,
    });
    this.#options.port = this.#server.port;
    this.#address = this.#server.nodeAddress;
  }

  /** Applies for the lease with the address at which the other nodes reach this one. */
  async #apply(): Promise<void> {
    await this.#nats.call("apply", { node: this.#settings.node, ...this.#address });
  }

  #received(event: ThreadEvent): void {
    switch (event.event) {
      case "batch":
        return this.#replica?.take(event.batch);
      case "leader":
        // A node that reaches NATS no longer keeps to the leader that it knew.
        if (this.#isNatsUp) this.#leader = event.leader;
        return;
      case "elected":
        return this.#elected.resolve(event.epoch);
      case "deposed":
        return this.#leadEnd.resolve({ reason: "deposed", text: event.reason });
      case "connection":
        this.#isNatsUp = event.isUp;
        return this.#options.log[event.isUp ? "info" : "warn"](
          event.isUp ? "NATS connected again" : "NATS connection lost",
        );
      case "fault":
        return void this.#followAgain(event.reason);
      case "published":
      case "waiting":
        return;
      default:
        return event satisfies never;
    }
  }

  #sawElection({ node, epoch }: { node: string; epoch: number }): void {
    if (this.#role !== "leader" || epoch === this.#epoch) return;
    const text = `node ${node} was elected with epoch ${epoch}`;
    this.#leadEnd.resolve({ reason: "deposed", text });
  }

  #faulted({ status, reason }: PublishOutcome): void {
    if (status === "refused") {
      return this.#leadEnd.resolve({ reason: "deposed", text: `its entry was refused: ${reason}` });
    }
    this.#options.log.error("log not confirmed by NATS: no jobs are accepted", { reason });
    void this.#resume();
  }

  /** Leads on once NATS answers, unless another node was elected meanwhile. */
  async #resume(): Promise<void> {
    while (this.#role === "leader" && !this.#isStopping && this.#leadEnd.isOpen) {
      await this.#pause(retryMs);
      try {
        await this.#replica?.resume();
        return this.#options.log.info("log confirmed by NATS again");
      } catch {} // The reason is logged already, and the next attempt follows.
    }
  }

  async #followAgain(reason: string): Promise<void> {
    this.#options.log.warn("log interrupted", { reason });
    while (this.#role === "follower" && !this.#isStopping) {
      await this.#pause(retryMs);
      try {
        return await this.#replica?.follow();
      } catch {} // The reason is logged already, and the next attempt follows.
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }

  #describe(): NodeState {
    const { node } = this.#settings;
    const [role, started_at] = [this.#role, this.#startedAt];
    const { url } = this.#address;
    return { node, url, version, role, sequence: this.#replica?.sequence ?? 0, started_at };
  }

  async #status(): Promise<ClusterStatus> {
    const { cluster, node: leader } = this.#settings;
    const { sequence } = this.#describe();
    const [epoch, nats] = [this.#epoch, this.#natsState];
    const nodes = await this.#nats.call("nodes", null);
    return { cluster, leader, epoch, sequence, durability, nats, nodes };
  }

  #fail(error: unknown): void {
    const text = `Cannot go on as a node of the cluster: ${errorText(error)}`;
    this.#failed.resolve(error instanceof WsctlError ? error : new WsctlError("INTERNAL", text));
  }

  async #stop(): Promise<void> {
    this.#stopPresence();
    await this.#server?.close();
    this.#replica?.journal.close();
    this.#replica = undefined;
    await this.#nats.close();
  }
}
