/** NATS loses entries at the end of the log that it acknowledged. The nodes have them. */
import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { Cluster } from "../../support/processes/cluster.ts";

test("entries that NATS acknowledged and lost are published again by the node that has them", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  const client = cluster.client(await cluster.leader());
  await client.createToken({ role: "agent", agent_id: "web-1" });
  const order = { command: "ping", target: { agents: ["web-1"] }, ttl_seconds: 3600 };
  await client.sendOnly(order);
  // A server whose last writes never reached its disk starts with an earlier state.
  const [store, earlier] = [cluster.path("nats/js-0"), cluster.path("earlier")];
  await cluster.nats.server(0).stop();
  cpSync(store, earlier, { recursive: true });
  await cluster.nats.startOne(0);
  const { job } = await cluster.client(await cluster.leader()).sendOnly(order);
  await cluster.complete();
  await cluster.nats.server(0).kill();
  rmSync(store, { recursive: true });
  cpSync(earlier, store, { recursive: true });
  await cluster.nats.startOne(0);
  const leader = await cluster.leader();
  const later = await cluster.client(leader).sendOnly(order);
  const nodes = cluster.indexes.map((index) => cluster.node(index));
  expect(nodes.flatMap(({ lines }) => lines).join("\n")).toContain("entries restored");
  for (const index of cluster.indexes) {
    const ids = (await cluster.client(index).jobs()).items.map(({ job_id }) => job_id);
    expect(ids).toContain(job.job_id);
    expect(ids).toContain(later.job.job_id);
    expect(ids).toHaveLength(3);
  }
});
