/** Which nodes a cluster has. Each tells the others about itself. */
import type { ClusterStatus } from "../protocol/api/cluster.ts";
import type { Clock } from "../time/clock.ts";
import type { ClusterNats } from "./nats/natsClient.ts";
import type { NodeState } from "./nats/threadMessages.ts";

const presentMs = 1_000;
const readMs = 1_000;
/** Whether NATS syncs before it acknowledges cannot be asked, so it is not claimed. */
const durability = "replicated, not synced";

export class NodeDirectory {
  readonly #nats: ClusterNats;
  readonly #clock: Pick<Clock, "after">;
  readonly #describe: () => NodeState;
  /** Where agents reach the nodes; none behind a load balancer. The array changes with its content. */
  addresses: readonly string[] = [];
  #cancels: (() => void)[] = [];

  constructor(nats: ClusterNats, clock: Pick<Clock, "after">, describe: () => NodeState) {
    this.#nats = nats;
    this.#clock = clock;
    this.#describe = describe;
  }

  start(): void {
    // A node that cannot say that it is there is missing in the list, which is right.
    this.#repeat(0, presentMs, () => this.#nats.call("present", this.#describe()));
    this.#repeat(1, readMs, async () => {
      if (this.#describe().role !== "leader") return;
      const nodes = await this.#nats.call("nodes", null);
      const addresses = nodes.flatMap(({ agent_url }) => agent_url ?? []);
      if (addresses.join() !== this.addresses.join()) this.addresses = addresses;
    });
  }

  /** Returns the other nodes. @throws {WsctlError} UNAVAILABLE if NATS does not answer */
  async others(): Promise<readonly NodeState[]> {
    const nodes = await this.#nats.call("nodes", null);
    return nodes.filter(({ node }) => node !== this.#describe().node);
  }

  /**
   * @param agents how many are connected to any node
   * @throws {WsctlError} UNAVAILABLE if NATS does not answer
   */
  async status(
    known: Pick<ClusterStatus, "cluster" | "leader" | "epoch" | "nats">,
    agents: number,
  ): Promise<ClusterStatus> {
    const others = await this.others();
    const elsewhere = others.reduce((sum, each) => sum + each.agents, 0);
    const own = { ...this.#describe(), agents: Math.max(0, agents - elsewhere) };
    const current = [...others, own];
    const nodes = current.map(({ agent_url: _, ca: __, server_name: ___, ...node }) => node);
    nodes.sort((a, b) => (a.node < b.node ? -1 : 1));
    return { ...known, sequence: own.sequence, durability, nodes };
  }

  close(): void {
    for (const cancel of this.#cancels) cancel();
  }

  #repeat(index: number, ms: number, run: () => Promise<unknown>): void {
    this.#cancels[index] = this.#clock.after(ms, () => this.#repeat(index, ms, run));
    run().catch(() => {});
  }
}
