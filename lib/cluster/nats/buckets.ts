/**
 * What the nodes of a cluster share besides the log, in two key-value buckets of JetStream: values
 * that are written once, and entries that expire (the lease of the leader, and who is there).
 */

import { jetstream } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { errorText } from "../../protocol/errors.ts";
import { requestMs } from "./logStream.ts";
import { jetStreamCode, jetStreamCodes } from "./natsErrors.ts";
import type { Leader, NodeState, SharedValues } from "./threadMessages.ts";

/** The lease ends this long after its last renewal. */
const leaseMs = 3_000;
/**
 * A lease that is not renewed for this long has ended, too: a server that was restarted may keep an
 * expired entry for long.
 */
const staleMs = 5_000;
const tickMs = 500;
const sharedKey = "shared";
const leaderKey = "leader";
const nodePrefix = "node.";

export interface LeaseEvents {
  leader(leader: Leader | undefined): void;
  elected(epoch: number): void;
  /** The lease had expired, so that another node may have led meanwhile. */
  retaken(): void;
  deposed(reason: string): void;
  /** A read or a write of a bucket failed, and is tried again. */
  trouble(reason: string): void;
}

export class Buckets {
  readonly #shared: KV;
  readonly #live: KV;
  readonly #events: LeaseEvents;
  #candidate: Omit<Leader, "epoch"> | undefined;
  #held: { revision: number; epoch: number } | undefined;
  #state: NodeState | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;
  /** Since when this node has seen that the lease is free. */
  #freeSince: number | undefined;
  /** The latest revision of the lease of another node, and when it was new. */
  #seen = { revision: 0, at: 0 };

  private constructor(shared: KV, live: KV, events: LeaseEvents) {
    this.#shared = shared;
    this.#live = live;
    this.#events = events;
  }

  static async open(
    connection: NatsConnection,
    cluster: string,
    replicas: number,
    events: LeaseEvents,
  ): Promise<Buckets> {
    const kvm = new Kvm(jetstream(connection, { timeout: requestMs }));
    // A direct read may come from a server that lags behind.
    const common = { replicas, history: 1, allow_direct: false };
    const shared = await kvm.create(`wsctl_${cluster}`, common);
    const live = await kvm.create(`wsctl_${cluster}_live`, { ...common, ttl: leaseMs });
    const buckets = new Buckets(shared, live, events);
    buckets.#timer = setInterval(() => void buckets.#tick(), tickMs);
    return buckets;
  }

  /** Stores the values unless they are there, and returns those that are. */
  async share(values: SharedValues): Promise<SharedValues> {
    try {
      await this.#shared.create(sharedKey, JSON.stringify(values));
      return values;
    } catch (error) {
      const entry = await this.#shared.get(sharedKey);
      if (entry === null) throw error;
      return entry.json<SharedValues>();
    }
  }

  apply(candidate: Omit<Leader, "epoch">): void {
    this.#candidate = candidate;
    void this.#tick();
  }

  /** Gives the lease back, so that another node need not wait for its end. */
  async giveBack(): Promise<void> {
    this.#candidate = undefined;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) await this.#free(held.revision);
  }

  /** Without NATS the lease expires by itself. */
  async #free(previousSeq: number): Promise<void> {
    await this.#live.delete(leaderKey, { previousSeq }).catch(() => {});
  }

  present(state: NodeState): void {
    this.#state = state;
  }

  async nodes(): Promise<NodeState[]> {
    const found: NodeState[] = [];
    const keys: string[] = [];
    for await (const key of await this.#live.keys(`${nodePrefix}>`)) keys.push(key);
    for (const key of keys.sort()) {
      const entry = await this.#live.get(key);
      if (entry !== null && entry.operation === "PUT") found.push(entry.json<NodeState>());
    }
    return found;
  }

  /** Takes this node out of the list. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const state = this.#state;
    this.#state = undefined;
    // Without NATS the entry expires by itself.
    if (state !== undefined) await this.#live.delete(nodePrefix + state.node).catch(() => {});
  }

  async #tick(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      if (this.#held === undefined) await this.#look();
      else await this.#renew(this.#held);
      const state = this.#state;
      if (state !== undefined) {
        await this.#live.put(`${nodePrefix}${state.node}`, JSON.stringify(state));
      }
    } catch (error) {
      // Without NATS no node is elected or deposed: the fence of the log protects it meanwhile.
      this.#events.trouble(errorText(error));
    } finally {
      this.#isBusy = false;
    }
  }

  /** Reports the leader, and takes the lease if it is free. */
  async #look(): Promise<void> {
    const entry = await this.#live.get(leaderKey);
    if (entry !== null && entry.operation === "PUT") {
      const { revision } = entry;
      if (this.#isStale(revision)) {
        this.#events.leader(undefined);
        return this.#take((value) => this.#live.update(leaderKey, value, revision));
      }
      this.#freeSince = undefined;
      const leader = entry.json<Leader>();
      // The epoch is written with the first renewal.
      return this.#events.leader({ ...leader, epoch: leader.epoch ?? revision });
    }
    this.#events.leader(undefined);
    await this.#take((value) => this.#live.create(leaderKey, value));
  }

  /** Whether the leader did not renew its lease, although NATS would have taken that. */
  #isStale(revision: number): boolean {
    const now = performance.now();
    if (this.#seen.revision !== revision) this.#seen = { revision, at: now };
    return now - this.#seen.at > staleMs;
  }

  /**
   * Whether a node with more entries should lead: NATS may have lost entries that it has. After a
   * while any node may, because that one may be gone.
   */
  async #letOthersLead(): Promise<boolean> {
    const now = performance.now();
    this.#freeSince ??= now;
    if (now - this.#freeSince > staleMs) return false;
    const own = this.#state;
    const nodes = await this.nodes();
    return nodes.some(
      ({ node, sequence }) => node !== own?.node && sequence > (own?.sequence ?? 0),
    );
  }

  /** @param write stores the lease if no other node has it */
  async #take(write: (value: string) => Promise<number>): Promise<void> {
    const candidate = this.#candidate;
    if (candidate === undefined || (await this.#letOthersLead())) return;
    try {
      const revision = await write(JSON.stringify(candidate));
      if (this.#candidate !== candidate) return void this.#free(revision);
      // The first renewal writes the epoch.
      this.#held = { revision, epoch: revision };
      this.#events.elected(revision);
    } catch (error) {
      if (!isTaken(error)) throw error;
      this.#events.trouble(`another node was faster: ${errorText(error)}`);
    }
  }

  async #renew(held: { revision: number; epoch: number }): Promise<void> {
    if (this.#candidate === undefined) return;
    const value = JSON.stringify({ ...this.#candidate, epoch: held.epoch });
    try {
      held.revision = await this.#live.update(leaderKey, value, held.revision);
    } catch (error) {
      if (!isTaken(error)) throw error;
      await this.#retake(held, value, error);
    }
  }

  /** The lease has expired, or another node has it, or the answer to a renewal was lost. */
  async #retake(
    held: { revision: number; epoch: number },
    value: string,
    error: unknown,
  ): Promise<void> {
    const entry = await this.#live.get(leaderKey);
    if (entry !== null && entry.operation === "PUT" && entry.string() === value) {
      held.revision = entry.revision;
      return;
    }
    if (entry === null || entry.operation !== "PUT") {
      try {
        held.revision = await this.#live.create(leaderKey, value);
        return this.#events.retaken();
      } catch (late) {
        if (!isTaken(late)) throw late;
      }
    }
    if (this.#held !== held) return;
    this.#held = undefined;
    this.#candidate = undefined;
    this.#events.deposed(`another node holds the lease (${errorText(error)})`);
  }
}

/** Whether another node has written the key. */
function isTaken(error: unknown): boolean {
  return (
    jetStreamCode(error) === jetStreamCodes.wrongLastSequence ||
    /wrong last sequence/i.test(errorText(error))
  );
}
