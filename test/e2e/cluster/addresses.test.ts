/** Operators and agents go on to another node, and agents prefer the one that they had. */
import { expect, test } from "bun:test";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster } from "../../support/processes/cluster.ts";
import { Running, temporaryDir, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

test("a login has all nodes of the cluster, and commands go on to the next one", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  await cluster.complete();
  using laptop = temporaryDir();
  const env = { XDG_CONFIG_HOME: `${laptop}`, HOME: `${laptop}` };
  const leader = await cluster.leader();
  // The leader reads the list of the nodes every second.
  let login = "";
  for (let others = 0; others === 0; ) {
    const made = await cluster
      .client(leader)
      .createToken({ role: "login", token: { role: "operator" } });
    login = made.login ?? "";
    others =
      Buffer.from(login.split(".")[2] ?? "", "base64url")
        .toString()
        .split(" ").length - 1;
  }
  const done = await wsctl(["login", "-", "--name", "ops"], { env, stdin: login });
  expect(done).toMatchObject({ code: 0 });
  const stored = JSON.parse(readFileSync(join(laptop, "wsctl", "contexts.json"), "utf8"));
  expect(stored.contexts.ops.url).toBe(cluster.url(leader));
  expect(stored.contexts.ops.others).toEqual([cluster.url(1 - leader)]);
  await cluster.node(leader).kill();
  await cluster.leader(leader);
  expect(await wsctl(["agents", "list"], { env })).toMatchObject({ code: 0 });
});

test("the state of a cluster counts the agents of each node", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  await cluster.complete();
  const leader = await cluster.leader();
  const client = cluster.client(leader);
  const running: Running[] = [];
  for (const [id, node] of [
    ["web-1", leader],
    ["web-2", 1 - leader],
    ["web-3", 1 - leader],
  ] as const) {
    const { token } = await client.createToken({ role: "agent", agent_id: id });
    writeFileSync(cluster.path(`${id}.token`), token);
    const agent = new Running([
      ...[...wsctlCommand("binary"), "agent", "--id", id, "--server", cluster.url(node)],
      ...["--token-file", cluster.path(`${id}.token`), "--data-dir", cluster.path(id)],
    ]);
    running.push(agent);
    await agent.logged(/ connected/);
  }
  const counts = async () => {
    const { nodes } = await client.cluster();
    return [leader, 1 - leader].map(
      (index) => nodes.find(({ url }) => url === cluster.url(index))?.agents,
    );
  };
  // A node tells the others about itself every second.
  let found = await counts();
  while (found[1] !== 2) found = await counts();
  expect(found).toEqual([1, 2]);
  await Promise.all(running.map((agent) => agent.stop()));
});

test("an agent that starts again connects to the node that it had", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  await cluster.complete();
  const leader = await cluster.leader();
  const { token } = await cluster.client(leader).createToken({ role: "agent", agent_id: "web-1" });
  writeFileSync(cluster.path("web-1.token"), token);
  const run = () =>
    new Running([
      ...[...wsctlCommand("binary"), "agent", "--id", "web-1", "--server", cluster.url(leader)],
      ...["--token-file", cluster.path("web-1.token"), "--data-dir", cluster.path("web-1")],
      ...["--log-level", "debug"],
    ]);
  const first = run();
  await first.logged(/other addresses of the control plane stored/);
  await cluster.node(leader).kill();
  await first.logged(/trying another address/);
  const seen = first.lines.length;
  await first.logged(/ connected/, seen);
  await first.stop();
  await cluster.startNode(leader);
  await cluster.leader();
  await using again = run();
  await again.logged(/ connected/);
  const [file = ""] = globSync(join(cluster.path("web-1"), "**", "addresses.json"));
  const { addresses, last } = JSON.parse(readFileSync(file, "utf8"));
  expect(addresses).toContain(cluster.url(1 - leader));
  expect(last).toBe(cluster.url(1 - leader));
  expect(again.lines.join("\n")).not.toContain("trying another address");
});
