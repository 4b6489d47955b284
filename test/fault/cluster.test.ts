/**
 * A cluster of three nodes on three NATS servers, of which a random one is killed, paused or gone
 * while jobs are sent. WSCTL_FAULT_ROUNDS is how many rounds, WSCTL_FAULT_SEED repeats the choices
 * of a failed run.
 */
import { expect, test } from "bun:test";
import { setTimeout as pause } from "node:timers/promises";
import { Cluster } from "../support/processes/cluster.ts";
import { randomOf } from "./random.ts";
import { within } from "./waits.ts";
import { testBinary, World } from "./world.ts";

const rounds = Number(process.env.WSCTL_FAULT_ROUNDS ?? 8);
const seed = Number(process.env.WSCTL_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const agents = ["web-1", "web-2"];
const jobsPerRound = 12;

type Fault = (cluster: Cluster, random: (below: number) => number) => Promise<void>;

const faults: Record<string, Fault> = {
  async "kill the leader"(cluster) {
    const leader = await cluster.leader();
    await cluster.node(leader).kill();
    await cluster.leader(leader);
    await cluster.startNode(leader);
  },
  async "pause the leader"(cluster) {
    const leader = await cluster.leader();
    const seen = cluster.node(leader).lines.length;
    cluster.node(leader).signal("SIGSTOP");
    await cluster.leader(leader);
    cluster.node(leader).signal("SIGCONT");
    await cluster.node(leader).logged(/no longer leads/, seen);
  },
  async "kill a follower"(cluster, random) {
    const leader = await cluster.leader();
    const follower = (leader + 1 + random(2)) % 3;
    await cluster.node(follower).kill();
    await pause(random(500));
    await cluster.startNode(follower);
  },
  async "kill a NATS server"({ nats }, random) {
    const index = random(nats.count);
    await nats.server(index).kill();
    await pause(random(2_000));
    await nats.startOne(index);
  },
  // A paused server is what a network that drops all packets leaves of it.
  async "pause a NATS server"({ nats }, random) {
    const index = random(nats.count);
    nats.server(index).signal("SIGSTOP");
    await pause(3_000 + random(2_000));
    nats.server(index).signal("SIGCONT");
  },
  async "pause most NATS servers"({ nats }, random) {
    const spared = random(nats.count);
    const paused = [0, 1, 2].filter((index) => index !== spared);
    for (const index of paused) nats.server(index).signal("SIGSTOP");
    await pause(3_000 + random(4_000));
    for (const index of paused) nats.server(index).signal("SIGCONT");
  },
  // They lose what they acknowledged and did not write yet, and the nodes restore it.
  async "kill all NATS servers"({ nats }, random) {
    await Promise.all([0, 1, 2].map((index) => nats.server(index).kill()));
    await pause(random(3_000));
    await Promise.all([0, 1, 2].map((index) => nats.startOne(index)));
  },
};

test(
  `${rounds} random faults of a cluster lose nothing, repeat nothing and lie about nothing`,
  async () => {
    const random = randomOf(seed);
    await using cluster = await Cluster.start({ natsServers: 3, command: [testBinary] });
    try {
      await using world = await World.start({ cluster, agents });
      const sent: Promise<unknown>[] = [];
      const names = Object.keys(faults);
      for (let round = 0; round < rounds; round++) {
        const name = names[(round + random(2)) % names.length] as string;
        for (let job = 0; job < jobsPerRound; job++) {
          const status = random(5) === 0 ? "failed" : "success";
          const wish = { waitMs: random(4) * 60, status, ttl: 120 } as const;
          sent.push(world.send(agents[random(2)] ?? "", wish));
        }
        await pause(random(100));
        await within(150_000, name, (faults[name] as Fault)(cluster, random));
        world.enterAt(random(3));
      }
      await within(100_000, "a leader at the end", cluster.leader());
      await within(120_000, "the outcomes of all jobs", Promise.all(sent));
      const { counts } = await world.finish();
      process.stdout.write(`${rounds} faults, seed ${seed}: ${JSON.stringify(counts)}\n`);
      expect(counts.success).toBeGreaterThan(0);
    } catch (error) {
      const choice = `WSCTL_FAULT_SEED=${seed} WSCTL_FAULT_ROUNDS=${rounds}`;
      throw new Error(`${choice}: ${error}\n${cluster.tail(40)}`, { cause: error });
    }
  },
  120_000 + rounds * 150_000,
);
