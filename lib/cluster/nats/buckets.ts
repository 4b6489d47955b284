/**
 * What the nodes of a cluster share besides the log, in two key-value buckets of JetStream: values
 * that are written once, and entries that expire (the lease of the leader, and who is there).
 */

import { errorText } from "../../protocol/errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { KeyValue } from "./keyValue.ts";
import type { Leader, NodeState, SharedValues } from "./threadMessages.ts";

/** The lease ends this long after its last renewal. */
export const leaseMs = 3_000;
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

export interface BucketOptions {
  /** Values that stay. */
  shared: KeyValue;
  /** Entries that end `leaseMs` after their last write. */
  live: KeyValue;
  clock: Pick<Clock, "after" | "now">;
  events: LeaseEvents;
}

export class Buckets {
  readonly #shared: KeyValue;
  readonly #live: KeyValue;
  readonly #clock: Pick<Clock, "after" | "now">;
  readonly #events: LeaseEvents;
  #candidate: Omit<Leader, "epoch"> | undefined;
  #held: { revision: number; epoch: number } | undefined;
  #state: NodeState | undefined;
  #cancelTick: () => void;
  #isBusy = false;
  /** Since when this node has seen that the lease is free. */
  #freeSince: number | undefined;
  /** The latest revision of the lease of another node, and when it was new. */
  #seen = { revision: 0, at: 0 };

  constructor({ shared, live, clock, events }: BucketOptions) {
    this.#shared = shared;
    this.#live = live;
    this.#clock = clock;
    this.#events = events;
    this.#cancelTick = clock.after(tickMs, () => this.#tickAgain());
  }

  #tickAgain(): void {
    this.#cancelTick = this.#clock.after(tickMs, () => this.#tickAgain());
    void this.#tick();
  }

  /** Stores the values unless they are there, and returns those that are. */
  async share(values: SharedValues): Promise<SharedValues> {
    const isFirst = (await this.#shared.create(sharedKey, JSON.stringify(values))) !== undefined;
    if (isFirst) return values;
    const entry = await this.#shared.get(sharedKey);
    if (entry === undefined) throw new Error("the shared values are gone");
    return JSON.parse(entry.text) as SharedValues;
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
  async #free(revision: number): Promise<void> {
    await this.#live.delete(leaderKey, revision).catch(() => {});
  }

  present(state: NodeState): void {
    this.#state = state;
  }

  async nodes(): Promise<NodeState[]> {
    const found: NodeState[] = [];
    for (const key of await this.#live.keys(nodePrefix)) {
      const entry = await this.#live.get(key);
      if (entry !== undefined) found.push(JSON.parse(entry.text) as NodeState);
    }
    return found;
  }

  /** Takes this node out of the list. */
  async close(): Promise<void> {
    this.#cancelTick();
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
    if (entry !== undefined) {
      const { revision } = entry;
      if (this.#isStale(revision)) {
        this.#events.leader(undefined);
        return this.#take((value) => this.#live.update(leaderKey, value, revision));
      }
      this.#freeSince = undefined;
      const leader = JSON.parse(entry.text) as Leader;
      // The epoch is written with the first renewal.
      return this.#events.leader({ ...leader, epoch: leader.epoch ?? revision });
    }
    this.#events.leader(undefined);
    await this.#take((value) => this.#live.create(leaderKey, value));
  }

  /** Whether the leader did not renew its lease, although NATS would have taken that. */
  #isStale(revision: number): boolean {
    const now = this.#clock.now();
    if (this.#seen.revision !== revision) this.#seen = { revision, at: now };
    return now - this.#seen.at > staleMs;
  }

  /**
   * Whether a node with more entries should lead: NATS may have lost entries that it has. After a
   * while any node may, because that one may be gone.
   */
  async #letOthersLead(): Promise<boolean> {
    const now = this.#clock.now();
    this.#freeSince ??= now;
    if (now - this.#freeSince > staleMs) return false;
    const own = this.#state;
    const nodes = await this.nodes();
    return nodes.some(
      ({ node, sequence }) => node !== own?.node && sequence > (own?.sequence ?? 0),
    );
  }

  /** @param write stores the lease if no other node has it */
  async #take(write: (value: string) => Promise<number | undefined>): Promise<void> {
    const candidate = this.#candidate;
    if (candidate === undefined || (await this.#letOthersLead())) return;
    const revision = await write(JSON.stringify(candidate));
    if (revision === undefined) return this.#events.trouble("another node was faster");
    if (this.#candidate !== candidate) return void this.#free(revision);
    // The first renewal writes the epoch.
    this.#held = { revision, epoch: revision };
    this.#events.elected(revision);
  }

  async #renew(held: { revision: number; epoch: number }): Promise<void> {
    if (this.#candidate === undefined) return;
    const value = JSON.stringify({ ...this.#candidate, epoch: held.epoch });
    const revision = await this.#live.update(leaderKey, value, held.revision);
    if (revision === undefined) await this.#retake(held, value);
    else held.revision = revision;
  }

  /** The lease has expired, or another node has it, or the answer to a renewal was lost. */
  async #retake(held: { revision: number; epoch: number }, value: string): Promise<void> {
    const entry = await this.#live.get(leaderKey);
    if (entry?.text === value) {
      held.revision = entry.revision;
      return;
    }
    if (entry === undefined) {
      const revision = await this.#live.create(leaderKey, value);
      if (revision !== undefined) {
        held.revision = revision;
        return this.#events.retaken();
      }
    }
    if (this.#held !== held) return;
    this.#held = undefined;
    this.#candidate = undefined;
    this.#events.deposed("another node holds the lease");
  }
}
