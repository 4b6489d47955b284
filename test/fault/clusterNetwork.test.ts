/**
 * A cluster on six hosts, which are network namespaces: three nodes and three NATS servers. A host
 * is parted from the others, NATS is slow, and the clock of a node is set, while jobs are sent.
 * WSCTL_FAULT_ROUNDS is how many rounds, WSCTL_FAULT_SEED repeats the choices of a failed run, and
 * WSCTL_FAULT_PARTITIONS=1 parts NATS servers that are too old for that.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BridgedHosts } from "../support/processes/bridgedHosts.ts";
import { Cluster } from "../support/processes/cluster.ts";
import { clockEnvironment } from "../support/processes/fakeClock.ts";
import { natsMissing, partitionFault } from "../support/servers/nats.ts";
import { type ClusterFault, strikeAtRandom } from "./clusterRounds.ts";
import { testBinary } from "./world.ts";

const rounds = Number(process.env.WSCTL_FAULT_ROUNDS ?? 4);
const seed = Number(process.env.WSCTL_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** How much of its time a slow server stands still. */
const [stillMs, runningMs, slowMs] = [120, 80, 5_000];

const hasHosts = BridgedHosts.make(1);
hasHosts?.[Symbol.dispose]();
if (natsMissing !== undefined || hasHosts === undefined) {
  const why = natsMissing ?? "no network namespaces";
  process.stdout.write(`${why}: the tests that part hosts are left out\n`);
} else testNetworks();
const tooOld = partitionFault();
if (tooOld !== undefined) process.stdout.write(`${tooOld}: NATS servers are not parted\n`);

function testNetworks(): void {
  test(
    `${rounds} random faults of the network and of clocks lose nothing and lie about nothing`,
    async () => {
      using network = BridgedHosts.make(6) as BridgedHosts;
      const dir = mkdtempSync(join(tmpdir(), "wsctl-clocks-"));
      const clockFile = (index: number) => join(dir, `clock-${index}`);
      for (const index of [0, 1, 2]) writeFileSync(clockFile(index), "+0\n");
      const env = (index: number) => clockEnvironment(clockFile(index));
      const places = { hosts: network.from(0), natsHosts: network.from(3) };
      const options = { natsServers: 3, command: [testBinary], ...places, env };
      try {
        await using cluster = await Cluster.start(options);
        await strikeAtRandom({ cluster, faults: faultsOf(network, clockFile), rounds, seed });
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
    120_000 + rounds * 150_000,
  );
}

function faultsOf(
  network: BridgedHosts,
  clockFile: (index: number) => string,
): Record<string, ClusterFault> {
  /** One against two, and two against one if the one has led. */
  const partNats: ClusterFault = async ({ random }) => {
    network.part(3 + random(3));
    await pause(3_000 + random(8_000));
    network.join();
  };
  const isParting = partitionFault() === undefined;
  return {
    /** The others go on, and what the old leader writes is refused. */
    async "part the leader from NATS and the others"({ cluster, world, random }) {
      const leader = await cluster.leader();
      const seen = cluster.node(leader).lines.length;
      network.part(leader);
      world.enterAt((leader + 1 + random(2)) % 3);
      const next = await cluster.leader(leader);
      expect(next).not.toBe(leader);
      await pause(random(2_000));
      network.join();
      await cluster.node(leader).logged(/no longer leads/, seen);
    },
    /** Nothing changes for those at the other two. */
    async "part a follower from NATS and the others"({ cluster, world, random }) {
      const leader = await cluster.leader();
      network.part((leader + 1 + random(2)) % 3);
      world.enterAt(leader);
      await pause(3_000 + random(4_000));
      network.join();
    },
    ...(isParting ? { "part a NATS server from the others": partNats } : {}),
    async "slow NATS"({ cluster: { nats } }) {
      for (const until = Date.now() + slowMs; Date.now() < until; ) {
        for (const index of [0, 1, 2]) nats.server(index).signal("SIGSTOP");
        await pause(stillMs);
        for (const index of [0, 1, 2]) nats.server(index).signal("SIGCONT");
        await pause(runningMs);
      }
    },
    async "set the clock of a node"({ cluster, random }) {
      const index = random(2) === 0 ? await cluster.leader() : random(3);
      writeFileSync(clockFile(index), `${random(2) === 0 ? "+" : "-"}${60 + random(3_600)}s\n`);
      await pause(random(1_000));
    },
  };
}
