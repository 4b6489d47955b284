/**
 * A node of a cluster. It follows the log, and passes requests on to the leader. When it is elected
 * it is a control plane itself, until another node is.
 */
import type { Control, ControlOptions } from "../control/start.ts";
import type { StoredTrust } from "../network/trust.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { timestamp } from "../protocol/timestamp.ts";
import { version } from "../protocol/wire/version.ts";
import { Replica } from "./copy/replica.ts";
import { assertReachable } from "./forward/assertReachable.ts";
import { leaderSeat } from "./leaderSeat.ts";
import { Leadership } from "./leadership.ts";
import type { ClusterNats } from "./nats/natsClient.ts";
import type {
  Leader,
  NatsSettings,
  NatsState,
  NodeState,
  SharedValues,
  ThreadEvent,
} from "./nats/threadMessages.ts";
import { NodeDirectory } from "./nodeDirectory.ts";
import type { NodeParts, NodeServer } from "./nodeParts.ts";
import { Signal } from "./signal.ts";

export interface ClusterNodeControl extends Control {
  /** Resolves with the reason if the node cannot go on. */
  failed: Promise<WsctlError>;
}

const retryMs = 500;

export class ClusterNode {
  readonly #options: ControlOptions;
  readonly #parts: NodeParts;
  readonly #settings: NatsSettings;
  readonly #nats: ClusterNats;
  readonly #natsState: NatsState;
  readonly #shared: SharedValues;
  readonly #startedAt: string;
  #replica: Replica | undefined;
  #server: NodeServer | undefined;
  #address: { url: string } & StoredTrust = { url: "" };
  #leader: Leader | undefined;
  /** Aborted when another node leads. */
  #leaderGone = new AbortController();
  /** Why a lease was lost that this node has just got. */
  #deposedBecause: string | undefined;
  #leadership: Leadership | undefined;
  #epoch = 0;
  readonly #directory: NodeDirectory;
  #isNatsUp = true;
  #isStopping = false;
  #elected = new Signal<number | undefined>();
  readonly #failed = new Signal<WsctlError>();

  constructor(
    options: ControlOptions,
    settings: NatsSettings,
    opened: { nats: ClusterNats; state: NatsState; shared: SharedValues },
    parts: NodeParts,
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#settings = settings;
    this.#nats = opened.nats;
    this.#natsState = opened.state;
    this.#shared = opened.shared;
    this.#startedAt = timestamp(options.clock.wall());
    this.#directory = new NodeDirectory(opened.nats, options.clock, () => this.#describe());
    this.#nats.onEvent = (event) => this.#received(event);
    this.#nats.onFailed = (error) => this.#fail(error);
  }

  async start(): Promise<ClusterNodeControl> {
    await this.#copyLog();
    await this.#serveAsFollower();
    const { localUrl: url, publicUrl, port } = this.#server as NodeServer;
    this.#directory.start();
    await this.#apply();
    const running = this.#run().catch((error) => this.#fail(error));
    return {
      ...{ url, publicUrl, port },
      failed: this.#failed.promise,
      close: async () => {
        this.#isStopping = true;
        if (this.#leadership === undefined) this.#replica?.detach();
        this.#elected.resolve(undefined);
        this.#leadership?.stop();
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
      if (await this.#becomeLeader(epoch)) {
        await this.#lead();
        if (!(await this.#follow())) return;
      }
      await this.#apply();
    }
  }

  /**
   * Becomes a follower. Requests are passed on at once; the log follows when NATS answers. Returns
   * false if the node stops.
   */
  async #follow(): Promise<boolean> {
    if (!this.#isStopping) await this.#serveAsFollower();
    return await this.#copyLog();
  }

  /** Copies the log as soon as NATS answers. Returns false if the node stops. */
  async #copyLog(): Promise<boolean> {
    while (!this.#isStopping) {
      try {
        await this.#openReplica();
        return true;
      } catch (error) {
        if (!(error instanceof WsctlError) || error.code !== "UNAVAILABLE") throw error;
        this.#options.log.warn("cluster not followed yet", { reason: error.message });
        this.#replica?.close();
        this.#replica = undefined;
        await this.#pause(retryMs);
      }
    }
    return false;
  }

  /** Returns whether this node may write. If not, it follows again. */
  async #becomeLeader(epoch: number): Promise<boolean> {
    this.#epoch = epoch;
    try {
      await this.#replica?.lead(epoch);
      return true;
    } catch (error) {
      const reason = errorText(error);
      this.#options.log.warn("election not used", { epoch, reason });
      if (error instanceof WsctlError && error.code === "STORAGE_UNAVAILABLE") throw error;
      await this.#leave();
      await this.#followAgain(reason);
      return false;
    }
  }

  async #lead(): Promise<void> {
    const replica = this.#replica as Replica;
    const epoch = this.#epoch;
    await this.#server?.close();
    this.#server = undefined;
    const { node } = this.#settings;
    const seat = leaderSeat({
      settings: this.#settings,
      shared: this.#shared,
      nats: this.#natsState,
      directory: this.#directory,
      runtime: this.#options.runtime,
      journal: replica.journal,
      epoch,
    });
    const { startControl } = this.#parts;
    this.#leadership = new Leadership({
      control: { ...this.#options, seat },
      startControl,
      replica,
      node,
      epoch,
    });
    if (this.#isStopping) this.#leadership.stop();
    if (this.#deposedBecause !== undefined) this.#leadership.depose(this.#deposedBecause);
    this.#setLeader(undefined);
    await this.#leadership.run();
    this.#leadership = undefined;
    this.#replica = undefined;
    await this.#leave();
  }

  /** Ends what is passed on to the leader before. A node never forwards to itself. */
  #setLeader(leader: Leader | undefined): void {
    const next = leader?.node === this.#settings.node ? undefined : leader;
    if (next?.epoch !== this.#leader?.epoch) {
      this.#leaderGone.abort();
      this.#leaderGone = new AbortController();
    }
    this.#leader = next;
  }

  /** Gives the lease back, so that another node need not wait for its end. */
  async #leave(): Promise<void> {
    await this.#nats.call("giveBack", null).catch(() => {});
  }

  async #openReplica(): Promise<void> {
    const { dataDir, clock, runtime, log, openIndex } = this.#options;
    const own = { dataDir, clock, runtime, log, openIndex, nats: this.#nats };
    const options = { ...own, ...this.#settings, logId: this.#shared.log_id };
    const replica = await Replica.open(options, this.#parts.copyFiles(options));
    replica.onFailed = (error) => this.#fail(error);
    this.#replica = replica;
    await replica.catchUp();
  }

  async #serveAsFollower(): Promise<void> {
    this.#server = await this.#parts.openServer(this.#options, {
      node: this.#settings.node,
      nodeSecret: this.#shared.node_secret,
      leader: () => this.#leader,
      leaderGone: () => this.#leaderGone.signal,
      sequence: () => this.#replica?.sequence ?? 0,
    });
    this.#options.port = this.#server.port;
    this.#server.writeLocalFile(this.#shared.local_token);
    this.#address = this.#server.nodeAddress;
    assertReachable(this.#address.url, this.#settings.servers);
  }

  /** Applies for the lease with the address at which the other nodes reach this one. */
  async #apply(): Promise<void> {
    await this.#nats.call("apply", { node: this.#settings.node, ...this.#address });
  }

  #received(event: ThreadEvent): void {
    switch (event.event) {
      case "leader":
        // A node that reaches NATS no longer keeps to the leader that it knew.
        if (this.#isNatsUp) this.#setLeader(event.leader);
        return;
      case "elected":
        this.#deposedBecause = undefined;
        return this.#elected.resolve(event.epoch);
      case "retaken":
        return void this.#leadership?.retaken();
      case "deposed":
        this.#deposedBecause = event.reason;
        return this.#leadership?.depose(event.reason);
      case "connection":
        this.#isNatsUp = event.isUp;
        return this.#options.log[event.isUp ? "info" : "warn"](
          event.isUp ? "NATS connected again" : "NATS connection lost",
        );
      case "fault":
        return void this.#followAgain(event.reason);
      case "trouble":
        return this.#options.log.debug("lease not read", { reason: event.reason });
      case "batch":
      case "published":
      case "waiting":
        return;
      default:
        return event satisfies never;
    }
  }

  async #followAgain(reason: string): Promise<void> {
    this.#options.log.warn("log interrupted", { reason });
    while (this.#leadership === undefined && !this.#isStopping) {
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
    const role = this.#leadership === undefined ? "follower" : "leader";
    const sequence = this.#replica?.sequence ?? 0;
    const agent_url = this.#options.publicUrl === undefined ? { agent_url: this.#address.url } : {};
    const agents = this.#server?.agentCount ?? 0;
    const own = { node, version, role, sequence, agents, started_at: this.#startedAt } as const;
    return { ...own, ...this.#address, ...agent_url };
  }

  #fail(error: unknown): void {
    const text = `Cannot go on as a node of the cluster: ${errorText(error)}`;
    this.#failed.resolve(error instanceof WsctlError ? error : new WsctlError("INTERNAL", text));
  }

  async #stop(): Promise<void> {
    // Agents that move must find a leader, and this node must not become one.
    await this.#leave();
    await this.#server?.drain();
    this.#directory.close();
    await this.#server?.close();
    this.#replica?.close();
    this.#replica = undefined;
    await this.#nats.close();
  }
}
