/** What a cluster does while NATS is gone: it reads, refuses what is new, and goes on by itself. */
import { expect, test } from "bun:test";
import { Cluster } from "../../support/processes/cluster.ts";

test("without NATS a cluster still reads, refuses jobs by name, and goes on when NATS is back", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  const leader = await cluster.leader();
  const client = cluster.client(leader);
  await client.createToken({ role: "agent", agent_id: "web-1" });
  const order = { command: "ping", target: { agents: ["web-1"] }, ttl_seconds: 3600 };
  const { job } = await client.sendOnly(order);
  await cluster.nats.server(0).kill();

  // The first one was handed to NATS, and what became of it is not known.
  const first = await submit(cluster, leader, order, "first");
  expect(first).toBe("UNCONFIRMED");
  expect(await submit(cluster, leader, order, "second")).toBe("UNAVAILABLE");
  expect((await client.job(job.job_id)).job_id).toBe(job.job_id);
  expect((await cluster.client(1 - leader).job(job.job_id)).job_id).toBe(job.job_id);
  expect(await cluster.ready(leader)).toMatchObject({ status: "not ready" });

  await cluster.nats.startOne(0);
  const again = await cluster.leader();
  // The same key: one job, whether the first attempt was stored or not.
  expect(await submit(cluster, again, order, "first")).toBe("accepted");
  expect(await submit(cluster, again, order, "first")).toBe("accepted");
  const jobs = (await cluster.client(again).jobs()).items;
  expect(jobs).toHaveLength(2);
});

/** Submits a job once, and returns the code of the error. */
async function submit(
  cluster: Cluster,
  index: number,
  order: object,
  key: string,
): Promise<string> {
  const response = await fetch(`${cluster.url(index)}/api/v1/jobs`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${cluster.token}`,
      "Content-Type": "application/json",
      Accept: "application/json",
      "Idempotency-Key": key,
    },
    body: JSON.stringify(order),
  });
  if (response.ok) return "accepted";
  return ((await response.json()) as { error: { code: string } }).error.code;
}
