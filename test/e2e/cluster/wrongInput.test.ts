/** What is wrong with NATS, or with the directory, is named together with the fix. */
import { test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { closedPort, expectRefusal } from "../../support/processes/cli.ts";
import { startServe, temporaryDir, wsctl } from "../../support/processes/processes.ts";
import { NatsServers } from "../../support/servers/nats.ts";

/** Runs a node that must not start. */
async function refusedNode(dir: string, urls: string, ...more: string[]) {
  const args = ["serve", "--port", "0", "--data-dir", join(dir, "data"), "--cluster", urls];
  return await wsctl([...args, "--cluster-accept-unsynced", ...more]);
}

test("a node says which NATS servers it cannot reach", async () => {
  using dir = temporaryDir();
  const urls = `nats://127.0.0.1:${await closedPort()}`;
  const finished = await refusedNode(`${dir}`, urls);
  expectRefusal(finished, 3, /Cannot reach NATS at nats:\/\/127\.0\.0\.1:\d+: .*nats-server runs/);
});

test("a node needs a word that unsynced acknowledgements are accepted", async () => {
  const finished = await wsctl(["serve", "--cluster", "nats://127.0.0.1:1"]);
  expectRefusal(finished, 2, /--cluster needs --cluster-accept-unsynced: NATS acknowledges/);
});

test("a node names an address that is none, and a name that is none", async () => {
  using dir = temporaryDir();
  expectRefusal(
    await refusedNode(`${dir}`, "http://nats-1"),
    2,
    /expected addresses of NATS servers/,
  );
  const named = await refusedNode(`${dir}`, "nats://127.0.0.1:1", "--cluster-name", "a b");
  expectRefusal(named, 2, /--cluster-name is "a b": expected 1 to 64 letters/);
});

test("a node says that JetStream is not enabled", async () => {
  using dir = temporaryDir();
  await using nats = await NatsServers.start(join(`${dir}`, "nats"), 1, "jetstream: false");
  const finished = await refusedNode(`${dir}`, nats.urls);
  expectRefusal(
    finished,
    3,
    /JetStream is not enabled\. Start nats-server with a "jetstream" block/,
  );
});

test("a node says that its user or password is wrong", async () => {
  using dir = temporaryDir();
  const users = "authorization { user: wsctl, password: right }";
  await using nats = await NatsServers.start(join(`${dir}`, "nats"), 1, users);
  const wrong = nats.urls.replace("nats://", "nats://wsctl:wrong@");
  expectRefusal(
    await refusedNode(`${dir}`, wrong),
    2,
    /Cannot log in to NATS .* the password is wrong/,
  );
});

test("a node refuses a stream of another program under its name", async () => {
  using dir = temporaryDir();
  await using nats = await NatsServers.start(join(`${dir}`, "nats"), 1);
  const { connect } = await import("@nats-io/transport-node");
  const { jetstreamManager } = await import("@nats-io/jetstream");
  const connection = await connect({ servers: nats.urls });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "wsctl_wsctl_log", subjects: ["orders.>"] });
  await connection.close();
  const finished = await refusedNode(`${dir}`, nats.urls);
  expectRefusal(finished, 2, /it has the subjects orders\.>. Choose another --cluster-name/);
});

test("a node refuses more replicas than there are servers", async () => {
  using dir = temporaryDir();
  await using nats = await NatsServers.start(join(`${dir}`, "nats"), 1);
  const finished = await refusedNode(`${dir}`, nats.urls, "--cluster-replicas", "3");
  expectRefusal(finished, 3, /too few servers with JetStream run .*--cluster-replicas 1/);
});

test("a node refuses the data directory of another control plane", async () => {
  using dir = temporaryDir();
  const dataDir = join(`${dir}`, "data");
  mkdirSync(dataDir);
  const alone = await startServe({ dataDir });
  await alone.process.stop();
  await using nats = await NatsServers.start(join(`${dir}`, "nats"), 1);
  const finished = await refusedNode(`${dir}`, nats.urls);
  expectRefusal(
    finished,
    1,
    /its log is another one, or has entries that NATS lost\. Choose an empty --data-dir.*cluster import/,
  );
});
