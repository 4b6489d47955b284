/** A node whose copy of the log is damaged copies it again from NATS. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster } from "../../support/processes/cluster.ts";

test("a node whose copy is damaged sets it aside, copies the log again, and leads with all of it", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  const leader = await cluster.leader();
  await cluster.client(leader).createToken({ role: "agent", agent_id: "web-1" });
  const order = { command: "ping", target: { agents: ["web-1"] }, ttl_seconds: 3600 };
  const sent: string[] = [];
  for (let count = 0; count < 5; count++) {
    sent.push((await cluster.client(leader).sendOnly(order)).job.job_id);
  }
  await cluster.complete();
  const follower = 1 - leader;
  expect(await cluster.node(follower).stop()).toBe(0);
  const segment = join(cluster.dataDir(follower), "log", "0000000000000001.log");
  const bytes = readFileSync(segment);
  bytes[300] = (bytes[300] ?? 0) ^ 1;
  writeFileSync(segment, bytes);
  const node = await cluster.startNode(follower);
  await node.logged(/copy of the log damaged: copied again/);
  expect(existsSync(join(cluster.dataDir(follower), "log.damaged"))).toBe(true);
  await cluster.complete();
  await cluster.node(leader).kill();
  await cluster.leader(leader);
  const { items } = await cluster.client(follower).jobs();
  expect(items.map(({ job_id }) => job_id).sort()).toEqual(sent.sort());
});
