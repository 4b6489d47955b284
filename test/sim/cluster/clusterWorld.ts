/**
 * A world whose control plane is three nodes on one stream of NATS. The nodes, the lease, the
 * copies and the publications are the product's own code; hosts, operators and the ledger are those
 * of every world. What the stream has is what counts.
 */

import { leaseMs } from "../../../lib/cluster/nats/buckets.ts";
import { BatchParts } from "../../../lib/cluster/stream/batchParts.ts";
import { parseEntry } from "../../../lib/control/journal/entries.ts";
import { decodeBatch, linesOf, toHex } from "../../../lib/store/log/format.ts";
import { holdBounds } from "../bounds.ts";
import { toWrite } from "../controlWrites.ts";
import type { Connection } from "../network.ts";
import type { ControlProcess, Host } from "../nodes.ts";
import { Operators } from "../operators.ts";
import type { PlannedJob } from "../plan.ts";
import { epochMs, type Report, World, type WorldOptions } from "../world.ts";
import { NodeHost } from "./clusterNodes.ts";
import { type ClusterPlan, clusterPlanOf, healedMs, restMs } from "./clusterPlan.ts";
import { ClusterStrikes } from "./clusterStrikes.ts";
import { NatsServer } from "./natsServer.ts";

const lateRounds = 4;
const lateRoundMs = 60_000;

export class ClusterWorld extends World {
  readonly nats: NatsServer;
  readonly nodes: NodeHost[];
  readonly clusterPlan: ClusterPlan;
  readonly #chosen: readonly number[] | undefined;
  /** By which node each connection of an agent enters. */
  readonly #entries = new Map<Connection, NodeHost>();
  #digest = "";

  constructor(options: Omit<WorldOptions, "plan">) {
    const plan = clusterPlanOf(options.seed);
    super({ ...options, plan });
    this.clusterPlan = plan;
    this.#chosen = options.faults;
    this.nats = new NatsServer(() => this.time.now, leaseMs);
    this.nodes = [0, 1, 2].map((index) => new NodeHost(this, index));
    // Times come from the clocks of three hosts.
    this.hasHeld = true;
    const parts = new BatchParts();
    this.nats.onStored = (message) => {
      const batch = parts.add(message);
      if (batch !== undefined) this.#stored(batch.bytes);
    };
  }

  /** What the stream has taken holds: outcomes and sendings are judged here. */
  #stored(bytes: Uint8Array): void {
    const batch = decodeBatch(bytes, 0);
    if (batch === undefined) throw new Error("the stream has a batch that is none");
    const previous = this.#digest;
    this.#digest = toHex(batch.digest);
    if (previous === this.#digest) {
      this.ledger.holds(false, () => `the batch of entry ${batch.first} is in the stream twice`);
      return;
    }
    this.disk.apply(
      linesOf(batch).map((line) => toWrite(parseEntry(line))),
      batch.first,
    );
  }

  async runCluster(): Promise<Report> {
    this.#scheduleAll();
    const bounds = () => holdBounds(this);
    try {
      let end = epochMs + restMs;
      await this.time.runAndSettleUntil(end, bounds);
      for (let left = lateRounds; left > 0 && this.openCount > 0; left--) {
        end += lateRoundMs;
        await this.time.runAndSettleUntil(end, bounds);
      }
      this.settle();
      await this.time.runAndSettleUntil(end + 10_000, bounds);
      this.#holdCopies();
      this.#holdRefusals();
    } catch (error) {
      this.ledger.holds(false, () => (error instanceof Error ? `${error.stack}` : `${error}`));
    }
    return this.report();
  }

  #scheduleAll(): void {
    const at = (ms: number, run: () => void) => this.time.at(epochMs + ms, run);
    const strikes = new ClusterStrikes(this);
    const operators = new Operators(this);
    for (const node of this.nodes) at(this.random.int(0, 500), () => node.start());
    for (const host of this.hosts) at(this.random.int(0, 3_000), () => host.start());
    for (const planned of this.plan.jobs) at(planned.at, () => operators.ask(planned, 0));
    for (const [index, fault] of this.clusterPlan.clusterFaults.entries()) {
      if (this.#chosen?.includes(index) === false) continue;
      at(fault.at, () => {
        this.met(`fault ${fault.kind}`);
        this.trace(`fault ${fault.kind} on ${fault.host} for ${fault.durationMs} ms`);
        strikes.strike(fault);
      });
    }
    at(healedMs, () => strikes.heal());
  }

  /** Half of the operators let a job be that is refused at once, unless its fate is unknown. */
  override givesUp({ marker }: PlannedJob, code: string): boolean {
    const isCertain = code !== "UNCONFIRMED";
    return isCertain && marker !== "probe" && marker.length % 2 === 0;
  }

  /** As the API does it: a leader that was deposed cannot record it, and decides nothing. */
  override beginDecision({ engine }: ControlProcess): void {
    const details = { action: "job.decide", outcome: "started" };
    engine.journal.recorder.record({ type: "action_recorded", details });
  }

  #holdRefusals(): void {
    for (const { jobId } of this.disk.jobs.values()) {
      const marker = this.ledger.markerOf(jobId);
      const isRight = !this.refusedMarkers.has(marker);
      this.ledger.holds(isRight, () => `${marker} was refused and is there`);
    }
  }

  /** In the end each copy is the stream. */
  #holdCopies(): void {
    const leading = this.nodes.filter(({ leading }) => leading !== undefined);
    this.ledger.bounded("leaders at the end", leading.length, 1);
    this.ledger.holds(leading.length > 0, () => "no node leads at the end");
    for (const { name, copy } of this.nodes) {
      const digest = copy === undefined ? "none" : toHex(copy.digest);
      this.ledger.holds(digest === this.#digest, () => `the copy of ${name} ends elsewhere`);
    }
  }

  /** The node that has the lease, as far as the nodes say. */
  get leader(): NodeHost | undefined {
    return this.nodes.find(({ leading }) => leading?.clock === this.control?.clock);
  }

  nodeLeads(process: ControlProcess): void {
    this.met("election");
    this.control = process;
    for (const { agentId } of this.hosts) {
      process.engine.notify({ type: "agentRegistered", agentId });
    }
  }

  /** Operators come to any node, which passes on what they want. */
  override controlFor(): ControlProcess | undefined {
    const entry = this.random.pick(this.nodes);
    return entry.isServing ? this.#leaderOf(entry)?.leading : undefined;
  }

  #leaderOf(entry: NodeHost): NodeHost | undefined {
    if (entry.leading !== undefined) return entry;
    const known = entry.forward?.leader();
    const target = this.nodes.find(({ name }) => name === known?.node);
    if (target === undefined || !target.isUp || target.leading === undefined) return undefined;
    this.met("passed on");
    return target;
  }

  override isServing(process: ControlProcess): boolean {
    return this.nodes.some((node) => node.leading === process && node.isServing);
  }

  override serverFor(host: Host) {
    const entry = this.random.pick(this.nodes);
    if (!entry.isServing) return undefined;
    const target = this.#leaderOf(entry);
    const { connection } = host;
    if (target?.leading === undefined || connection === undefined) return undefined;
    const { leading } = target;
    this.#entries.set(connection, entry);
    const cut = () => {
      if (this.#entries.delete(connection)) connection.cut();
    };
    entry.forward?.leaderGone().addEventListener("abort", cut);
    return { clock: leading.clock, acceptor: leading.acceptor(this, host) };
  }

  /** The server of a node has closed its sockets. */
  cutEntered(node: NodeHost): void {
    for (const [connection, entry] of this.#entries) {
      if (entry !== node) continue;
      this.#entries.delete(connection);
      connection.cut();
    }
  }

  nodeDied(node: NodeHost): void {
    this.cutEntered(node);
    for (const connection of [...this.network.connections]) {
      if (connection.isServedBy(node.clock)) connection.serverDied();
    }
  }

  nodePaused(node: NodeHost, until: number): void {
    for (const [connection, entry] of this.#entries) {
      if (entry === node) connection.silence(until);
    }
  }
}
