/** Jobs are sent to a cluster while one fault after the other strikes it, and the checker judges. */
import { expect } from "bun:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Cluster } from "../support/processes/cluster.ts";
import { randomOf } from "./random.ts";
import { within } from "./waits.ts";
import { World } from "./world.ts";

export interface Struck {
  cluster: Cluster;
  world: World;
  random(below: number): number;
}

/** Returns when what was broken is whole again. */
export type ClusterFault = (struck: Struck) => Promise<void>;

export interface Rounds {
  cluster: Cluster;
  faults: Record<string, ClusterFault>;
  rounds: number;
  /** Repeats the choices of a failed run. */
  seed: number;
}

const agents = ["web-1", "web-2"];
const jobsPerRound = 12;

export async function strikeAtRandom({ cluster, faults, rounds, seed }: Rounds): Promise<void> {
  const random = randomOf(seed);
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
      const fault = faults[name] as ClusterFault;
      await within(150_000, name, fault({ cluster, world, random }));
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
}
