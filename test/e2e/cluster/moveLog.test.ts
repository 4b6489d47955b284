/** The log of one control plane becomes that of a cluster, and back. */
import { expect, test } from "bun:test";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../../lib/client/client.ts";
import { adminToken, expectRefusal } from "../../support/processes/cli.ts";
import { Running, startServe, temporaryDir, wsctl } from "../../support/processes/processes.ts";
import { NatsServers } from "../../support/servers/nats.ts";

test("cluster import and export lose no entry, keep the chain, and keep tokens valid", async () => {
  using dir = temporaryDir();
  const dataDir = join(`${dir}`, "data");
  const before = await startServe({ dataDir });
  const token = adminToken(dataDir);
  const client = new Client({ url: before.url, token, fetch });
  await client.createToken({ role: "agent", agent_id: "web-1" });
  const order = { command: "ping", target: { agents: ["web-1"] }, ttl_seconds: 3600 };
  const { job } = await client.sendOnly(order);
  await before.process.stop();
  const head = await verified(dataDir);
  await using nats = await NatsServers.start(join(`${dir}`, "nats"), 1);
  const at = ["--cluster", nats.urls, "--data-dir", dataDir];
  const imported = await wsctl(["cluster", "import", ...at]);
  expect(imported.stderr).toMatch(/^Imported \d+ entries\. Start the nodes/);
  expectRefusal(
    await wsctl(["cluster", "import", ...at]),
    2,
    /Cannot import into the cluster "wsctl"/,
  );
  expectRefusal(
    await wsctl(["serve", "--data-dir", dataDir, "--port", "0"]),
    2,
    /without --cluster/,
  );

  // A node that has never had the log takes it from the cluster.
  const other = join(`${dir}`, "other");
  const args = ["--cluster", nats.urls, "--cluster-accept-unsynced"];
  const node = await startServe({ dataDir: other, args });
  await node.process.logged(/node leads the cluster/);
  const there = new Client({ url: node.url, token, fetch });
  expect((await there.job(job.job_id)).total).toBe(1);
  const running = await wsctl(["cluster", "export", "--cluster", nats.urls, "--data-dir", dataDir]);
  expectRefusal(running, 2, /its node \S+ is running\. Stop all nodes first/);
  await node.process.stop();

  const exported = await wsctl(["cluster", "export", ...at]);
  expect(exported).toMatchObject({ code: 0 });
  const after = await startServe({ dataDir });
  const back = new Client({ url: after.url, token, fetch });
  expect((await back.job(job.job_id)).total).toBe(1);
  await after.process.stop();
  const copied = await wsctl(["log", "verify", join(dataDir, "log"), "--head", head]);
  expect(copied).toMatchObject({ code: 0 });
});

/** Verifies a log, and returns its head. */
async function verified(dataDir: string): Promise<string> {
  const finished = await wsctl(["log", "verify", join(dataDir, "log"), "--json"]);
  expect(finished.code).toBe(0);
  const { head } = JSON.parse(finished.stdout) as { head: { sequence: number; digest: string } };
  return `${head.sequence}:${head.digest}`;
}

test("nats-server accepts the printed configuration, and its permissions are enough", async () => {
  using dir = temporaryDir();
  const printed = await wsctl(["cluster", "nats-config", "--host", "nats-1"]);
  const file = join(`${dir}`, "nats.conf");
  const text = printed.stdout
    .replace("0.0.0.0:4222", "127.0.0.1:-1")
    .replace("/var/lib/nats", join(`${dir}`, "js"));
  writeFileSync(file, text);
  await using server = new Running(["nats-server", "-c", file], {
    env: { WSCTL_NATS_PASSWORD: "secret-of-nats" },
  });
  const [, port] = await server.logged(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
  const cluster = `nats://wsctl:secret-of-nats@127.0.0.1:${port}`;
  const args = ["--cluster", cluster, "--cluster-accept-unsynced"];
  await using first = await startServe({ dataDir: join(`${dir}`, "one"), args });
  await first.process.logged(/node leads the cluster/);
  cpSync(join(`${dir}`, "one", "local.json"), join(`${dir}`, "local.json"));
  const second = await startServe({
    dataDir: join(`${dir}`, "two"),
    args: [...args, "--cluster-node", "b"],
  });
  await first.process.kill();
  await second.process.logged(/node leads the cluster/);
  expect(await second.process.stop()).toBe(0);
  expect(second.process.lines.join("\n")).not.toContain("secret-of-nats");
});
