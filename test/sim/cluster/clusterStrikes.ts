/** How each planned fault strikes a cluster, and how everything is made whole again. */
import { Strikes } from "../strikes.ts";
import type { NodeHost } from "./clusterNodes.ts";
import {
  type ClusterFault,
  type ClusterFaultKind,
  type HostFaultKind,
  hostFaultKinds,
} from "./clusterPlan.ts";
import type { ClusterWorld } from "./clusterWorld.ts";

type Strike = (fault: ClusterFault, leader: NodeHost, node: NodeHost) => void;

/** Longer than the lease, so that another node is elected meanwhile. */
const pauseMsMin = 4_000;
const clockStepMsMax = 600_000;

export class ClusterStrikes {
  readonly #world: ClusterWorld;
  readonly #hostStrikes: Strikes;
  readonly #strikes: Record<Exclude<ClusterFaultKind, HostFaultKind>, Strike>;

  constructor(world: ClusterWorld) {
    this.#world = world;
    this.#hostStrikes = new Strikes(world);
    const { time, random, nats } = world;
    const until = ({ durationMs }: ClusterFault) => time.now + durationMs;
    const cut = (fault: ClusterFault, { cable }: NodeHost) => {
      cable.cutUntil = Math.max(cable.cutUntil, until(fault));
    };
    this.#strikes = {
      leader_kill: (fault, leader) => leader.die("killed", fault.durationMs),
      leader_kill_before_answer: (fault) => this.#killWithNextEntry(fault),
      leader_pause: (fault, leader) => leader.pause(until(fault) + pauseMsMin),
      leader_power_cut: (fault, leader) => leader.die("power cut", fault.durationMs, true),
      leader_stop: (fault, leader) => leader.stop(fault.durationMs),
      leader_cut: (fault, leader) => cut(fault, leader),
      node_kill: (fault, _leader, node) => node.die("killed", fault.durationMs),
      node_pause: (fault, _leader, node) => node.pause(until(fault)),
      node_cut: (fault, _leader, node) => cut(fault, node),
      node_slow: (fault, _leader, { cable }) => {
        cable.slowMs = random.int(100, 3_000);
        cable.slowUntil = until(fault);
      },
      node_clock_set: (_fault, _leader, node) => {
        world.controlClock.hasJumped = true;
        node.aheadMs += random.int(-clockStepMsMax, clockStepMsMax);
      },
      nats_gone: (fault) => {
        nats.isGoneUntil = Math.max(nats.isGoneUntil, until(fault));
      },
      nats_restart: () => nats.forgetIds(),
      consumers_stuck: ({ durationMs }) => nats.stopFollowers(durationMs, time),
      answers_lost: (_fault, leader) => {
        leader.cable.lostAnswers = random.int(1, 8);
      },
      publications_repeated: (_fault, leader) => {
        leader.cable.repeated = random.int(1, 8);
      },
    };
  }

  strike(fault: ClusterFault): void {
    const { kind } = fault;
    const world = this.#world;
    const node = world.nodes[fault.host] as NodeHost;
    if (isHostFault(kind)) return this.#hostStrikes.strike({ ...fault, kind });
    this.#strikes[kind](fault, world.leader ?? node, node);
  }

  /** The stream has the entry, and its writer dies before it knows. */
  #killWithNextEntry({ durationMs }: ClusterFault): void {
    const { nats, time } = this.#world;
    const take = nats.onStored;
    nats.onStored = (message) => {
      take(message);
      nats.onStored = take;
      if (this.#world.isHealed) return;
      time.after(0, () => this.#world.leader?.die("killed before the answer", durationMs));
    };
  }

  heal(): void {
    const { nodes, nats } = this.#world;
    this.#hostStrikes.heal();
    nats.isGoneUntil = 0;
    for (const { cable } of nodes) {
      Object.assign(cable, { cutUntil: 0, slowUntil: 0, lostAnswers: 0, repeated: 0 });
    }
  }
}

function isHostFault(kind: ClusterFaultKind): kind is HostFaultKind {
  return (hostFaultKinds as readonly string[]).includes(kind);
}
