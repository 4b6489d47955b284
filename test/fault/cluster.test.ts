/**
 * A cluster of three nodes on three NATS servers, of which a random one is killed, paused or gone
 * while jobs are sent. WSCTL_FAULT_ROUNDS is how many rounds, WSCTL_FAULT_SEED repeats the choices
 * of a failed run.
 */
import { test } from "bun:test";
import { setTimeout as pause } from "node:timers/promises";
import { Cluster } from "../support/processes/cluster.ts";
import { type ClusterFault, strikeAtRandom } from "./clusterRounds.ts";
import { testBinary } from "./world.ts";

const rounds = Number(process.env.WSCTL_FAULT_ROUNDS ?? 8);
const seed = Number(process.env.WSCTL_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

const faults: Record<string, ClusterFault> = {
  async "kill the leader"({ cluster }) {
    const leader = await cluster.leader();
    await cluster.node(leader).kill();
    await cluster.leader(leader);
    await cluster.startNode(leader);
  },
  async "pause the leader"({ cluster }) {
    const leader = await cluster.leader();
    const seen = cluster.node(leader).lines.length;
    cluster.node(leader).signal("SIGSTOP");
    await cluster.leader(leader);
    cluster.node(leader).signal("SIGCONT");
    await cluster.node(leader).logged(/no longer leads/, seen);
  },
  async "kill a follower"({ cluster, random }) {
    const leader = await cluster.leader();
    const follower = (leader + 1 + random(2)) % 3;
    await cluster.node(follower).kill();
    await pause(random(500));
    await cluster.startNode(follower);
  },
  async "kill a NATS server"({ cluster: { nats }, random }) {
    const index = random(nats.count);
    await nats.server(index).kill();
    await pause(random(2_000));
    await nats.startOne(index);
  },
  // A paused server is what a network that drops all packets leaves of it.
  async "pause a NATS server"({ cluster: { nats }, random }) {
    const index = random(nats.count);
    nats.server(index).signal("SIGSTOP");
    await pause(3_000 + random(2_000));
    nats.server(index).signal("SIGCONT");
  },
  async "pause most NATS servers"({ cluster: { nats }, random }) {
    const spared = random(nats.count);
    const paused = [0, 1, 2].filter((index) => index !== spared);
    for (const index of paused) nats.server(index).signal("SIGSTOP");
    await pause(3_000 + random(4_000));
    for (const index of paused) nats.server(index).signal("SIGCONT");
  },
  // They lose what they acknowledged and did not write yet, and the nodes restore it.
  async "kill all NATS servers"({ cluster: { nats }, random }) {
    await Promise.all([0, 1, 2].map((index) => nats.server(index).kill()));
    await pause(random(3_000));
    await Promise.all([0, 1, 2].map((index) => nats.startOne(index)));
  },
};

const longFaults: Record<string, ClusterFault> = {
  async "a leader that stands still for 30 s"({ cluster }) {
    const leader = await cluster.leader();
    const seen = cluster.node(leader).lines.length;
    cluster.node(leader).signal("SIGSTOP");
    await Promise.all([pause(30_000), cluster.leader(leader)]);
    cluster.node(leader).signal("SIGCONT");
    await cluster.node(leader).logged(/no longer leads/, seen);
  },
  async "a minute without NATS"({ cluster: { nats } }) {
    await Promise.all([0, 1, 2].map((index) => nats.server(index).kill()));
    await pause(60_000);
    await Promise.all([0, 1, 2].map((index) => nats.startOne(index)));
  },
};

for (const [name, fault] of Object.entries(longFaults)) {
  test(`${name} loses nothing, repeats nothing and lies about nothing`, async () => {
    await using cluster = await Cluster.start({ natsServers: 3, command: [testBinary] });
    await strikeAtRandom({ cluster, faults: { [name]: fault }, rounds: 1, seed });
  }, 300_000);
}

test(
  `${rounds} random faults of a cluster lose nothing, repeat nothing and lie about nothing`,
  async () => {
    await using cluster = await Cluster.start({ natsServers: 3, command: [testBinary] });
    await strikeAtRandom({ cluster, faults, rounds, seed });
  },
  120_000 + rounds * 150_000,
);
