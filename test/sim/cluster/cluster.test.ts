/** The guarantees, held by three nodes in faulty worlds; and the proof that these could fail. */
import { describe, expect, test } from "bun:test";
import { tryMutation } from "../mutate.ts";
import { clusterMutations } from "./clusterMutations.ts";
import { clusterFaultKinds } from "./clusterPlan.ts";
import { ClusterWorld } from "./clusterWorld.ts";

const fixedSeeds = 80;
const freshSeeds = 40;

async function hold(first: number, count: number): Promise<Set<string>> {
  const met = new Set<string>();
  for (let seed = first; seed < first + count; seed++) {
    const report = await new ClusterWorld({ seed }).runCluster();
    const { violations } = report;
    // To see it again: bun test/sim/cluster/main.ts --seed SEED --trace
    expect({ seed, violations }).toEqual({ seed, violations: [] });
    for (const name of report.met.keys()) met.add(name);
  }
  return met;
}

describe("the simulator of a cluster", () => {
  test(`holds every guarantee in ${fixedSeeds} worlds, and meets every fault of a cluster`, async () => {
    const met = await hold(1, fixedSeeds);
    const expected = [
      ...clusterFaultKinds.map((kind) => `fault ${kind}`),
      ...["election", "passed on", "damaged copy replaced", "refused UNCONFIRMED"],
      ...["outcome success", "outcome lost TIMEOUT", "takeover"],
    ];
    expect(expected.filter((name) => !met.has(name))).toEqual([]);
  }, 120_000);

  test(`holds every guarantee in ${freshSeeds} worlds with a cluster that nobody has seen`, async () => {
    const first = 1_000_000 + (Math.floor(Date.now() / 1000) % 1_000_000) * 1_000;
    expect((await hold(first, freshSeeds)).has("outcome success")).toBe(true);
  }, 120_000);

  test("makes the same world with a cluster from the same seed", async () => {
    const digest = async () => (await new ClusterWorld({ seed: 7 }).runCluster()).digest;
    expect(await digest()).toBe(await digest());
  });

  test.each(clusterMutations)(
    "finds a planted fault of the cluster: $name",
    async (mutation) => {
      const { isCaught, finding } = await tryMutation(mutation, 400, "test/sim/cluster/main.ts");
      expect({ isCaught, finding }).toMatchObject({ isCaught: true });
    },
    120_000,
  );
});
