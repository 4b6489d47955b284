/** Several nodes are one control plane: any of them answers, and the leader may go. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createClient } from "../../../lib/client/createClient.ts";
import { isOutput } from "../../../lib/client/streamCursor.ts";
import { parseJoin } from "../../../lib/protocol/api/joinString.ts";
import { uploadFile } from "../../../lib/transfer/upload.ts";
import { Cluster } from "../../support/processes/cluster.ts";
import { Running, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

async function startAgent(cluster: Cluster, id: string, index: number): Promise<Running> {
  const { token } = await cluster.client(index).createToken({ role: "agent", agent_id: id });
  writeFileSync(cluster.path(`${id}.token`), token);
  mkdirSync(cluster.path("commands"), { recursive: true });
  const manifest = 'description = "writes bytes"\nargv = ["printf", "\\\\377\\n"]\n';
  writeFileSync(cluster.path("commands/bytes.toml"), manifest, { mode: 0o600 });
  return runAgent(cluster, id, index);
}

/** Runs an agent that is given the address of one node. */
async function runAgent(cluster: Cluster, id: string, index: number): Promise<Running> {
  const agent = new Running([
    ...[...wsctlCommand("binary"), "agent", "--id", id, "--server", cluster.url(index)],
    ...["--token-file", cluster.path(`${id}.token`), "--data-dir", cluster.path(id)],
    ...["--commands-dir", cluster.path("commands")],
  ]);
  await agent.logged(/ connected/);
  return agent;
}

async function ping(cluster: Cluster, index: number, agent: string): Promise<string> {
  const order = { command: "ping", target: { agents: [agent] }, ttl_seconds: 30 };
  const sent = await cluster.client(index).send(order);
  for await (const line of sent.lines) if (!isOutput(line)) return line.outcome;
  return "none";
}

/** The chunks that the command `bytes` writes, as an operator at a node gets them. */
async function output(cluster: Cluster, index: number, agent: string): Promise<object[]> {
  const order = { command: "bytes", target: { agents: [agent] }, ttl_seconds: 30 };
  const sent = await cluster.client(index).send(order, { withOutput: true });
  const chunks: object[] = [];
  for await (const line of sent.lines) {
    if (!isOutput(line)) continue;
    const { sequence: _, stream: __, ...content } = line.output;
    chunks.push(content);
  }
  return chunks;
}

test("any node of a cluster answers for agents at any node, and the list of nodes is complete", async () => {
  await using cluster = await Cluster.start({ nodes: 3 });
  await cluster.complete();
  const leader = await cluster.leader();
  const [first = 0, second = 0] = cluster.indexes.filter((index) => index !== leader);
  await using _agents = disposeAll([
    await startAgent(cluster, "at-leader", leader),
    await startAgent(cluster, "at-follower", first),
  ]);
  for (const index of [leader, first, second]) {
    expect(await ping(cluster, index, "at-leader")).toBe("success");
    expect(await ping(cluster, index, "at-follower")).toBe("success");
  }
  expect(await output(cluster, second, "at-follower")).toEqual([{ base64: "/wo=" }]);
  const status = await cluster.client(second).cluster();
  expect(status.leader).toBe(`n${leader}`);
  expect(status.nodes.map(({ node }) => node)).toEqual(["n0", "n1", "n2"]);
  const shown = await wsctl(
    ["cluster", "status", "--server", cluster.url(first), "--data-dir", cluster.path("elsewhere")],
    { env: { WSCTL_TOKEN: cluster.token } },
  );
  expect(shown.stdout).toContain("replicated, not synced");
  expect(shown.code).toBe(0);
});

test("a join string has the other nodes, and a host joins where its first node is gone", async () => {
  await using cluster = await Cluster.start({ nodes: 3 });
  await cluster.complete();
  const leader = await cluster.leader();
  const create = async () => {
    const { join: text = "" } = await cluster.client(leader).createToken({ role: "join" });
    return { text, ...parseJoin(text) };
  };
  let made = await create();
  // The leader reads the list of nodes once a second.
  while (made.others?.length !== 2) made = await create();
  const { text: join, url, others = [] } = made;
  expect([url, ...others].toSorted()).toEqual(
    cluster.indexes.map((index) => cluster.url(index)).toSorted(),
  );
  await cluster.node(leader).stop();
  const next = await cluster.leader(leader);
  await using joined = new Running([
    ...[...wsctlCommand("binary"), "agent", "--join", join, "--id", "web-9"],
    ...["--data-dir", cluster.path("web-9")],
  ]);
  await joined.logged(/ connected/);
  expect(await ping(cluster, next, "web-9")).toBe("success");
});

test("after kill -9 of the leader another node leads, with every job of before", async () => {
  await using cluster = await Cluster.start({ nodes: 3, natsServers: 3 });
  const leader = await cluster.leader();
  const [follower = 0] = cluster.indexes.filter((index) => index !== leader);
  await using _agents = disposeAll([await startAgent(cluster, "web-1", follower)]);
  expect(await ping(cluster, leader, "web-1")).toBe("success");
  const [before] = (await cluster.client(follower).jobs()).items;
  await cluster.node(leader).kill();
  const next = await cluster.leader(leader);
  expect(next).not.toBe(leader);
  expect(await ping(cluster, next, "web-1")).toBe("success");
  expect((await cluster.client(next).job(before?.job_id ?? "")).succeeded).toBe(1);
  await cluster.startNode(leader);
  expect(await ping(cluster, leader, "web-1")).toBe("success");
  expect((await cluster.client(leader).jobs()).items).toHaveLength(3);
});

test("a session at a follower goes on at the next leader, and loses and doubles no job", async () => {
  await using cluster = await Cluster.start({ nodes: 3, natsServers: 3 });
  const leader = await cluster.leader();
  const [follower = 0] = cluster.indexes.filter((index) => index !== leader);
  await using _agents = disposeAll([await startAgent(cluster, "web-1", follower)]);
  const server = cluster.url(follower);
  await using session = await createClient({ server, token: cluster.token }).session();
  const send = async () => {
    const order = { command: "ping", target: { agents: ["web-1"] }, ttl_seconds: 60 };
    const { lines } = await session.send(order);
    const outcomes: string[] = [];
    for await (const line of lines) if (!isOutput(line)) outcomes.push(line.outcome);
    return outcomes.join();
  };
  expect(await send()).toBe("success");
  const running = Array.from({ length: 20 }, send);
  await cluster.node(leader).kill();
  running.push(send());
  expect(new Set(await Promise.all(running))).toEqual(new Set(["success"]));
  expect((await cluster.client(follower).jobs({ limit: 100 })).items).toHaveLength(22);
});

test("an agent whose node is gone goes on at another one, also after its own restart", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  const leader = await cluster.leader();
  const agent = await startAgent(cluster, "web-1", leader);
  await using _agents = disposeAll([agent]);
  await agent.logged(/other addresses of the control plane stored/);
  await cluster.node(leader).kill();
  const next = await cluster.leader(leader);
  expect(await ping(cluster, next, "web-1")).toBe("success");
  await agent.stop();
  await using _again = disposeAll([await runAgent(cluster, "web-1", leader)]);
  expect(await ping(cluster, next, "web-1")).toBe("success");
});

test("a leader that was paused does not write once another one leads", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  const leader = await cluster.leader();
  const follower = 1 - leader;
  await using _agents = disposeAll([await startAgent(cluster, "web-1", follower)]);
  cluster.node(leader).signal("SIGSTOP");
  expect(await cluster.leader(leader)).toBe(follower);
  expect(await ping(cluster, follower, "web-1")).toBe("success");
  cluster.node(leader).signal("SIGCONT");
  await cluster.node(leader).logged(/node no longer leads the cluster/);
  await cluster.complete();
  expect(await ping(cluster, leader, "web-1")).toBe("success");
  expect((await cluster.ready(leader))?.leader).toBe(`n${follower}`);
});

function disposeAll(agents: Running[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
    },
  };
}

test("a new leader has the artifacts that the one before it stored", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  const leader = await cluster.leader();
  const next = 1 - leader;
  const bytes = Buffer.from("content of an artifact\n".repeat(20_000));
  const source = cluster.path("report.txt");
  writeFileSync(source, bytes);
  const controlPlane = { url: cluster.url(next), token: cluster.token, fetch };
  const { artifact_id: id } = await uploadFile({
    ...{ controlPlane, path: source },
    request: { name: "report.txt", kind: "file" },
  });
  cluster.node(leader).signal("SIGSTOP");
  expect(await cluster.leader(leader)).toBe(next);
  cluster.node(leader).signal("SIGCONT");
  await cluster.node(leader).logged(/node no longer leads the cluster/);
  await cluster.complete();
  const file = cluster.path("fetched");
  for (const index of [next, leader]) {
    const at = ["--data-dir", cluster.dataDir(index)];
    const fetched = await wsctl(["artifacts", "get", id, "--output", `${file}-${index}`, ...at]);
    expect(fetched).toMatchObject({ code: 0 });
    expect(readFileSync(`${file}-${index}`).equals(bytes)).toBe(true);
  }
});

test("nodes on Deno and on Bun are one cluster, and pass requests on to each other", async () => {
  await using cluster = await Cluster.start({ nodes: 2, flavours: ["deno", "bun"] });
  const leader = await cluster.leader();
  const follower = 1 - leader;
  await using _agents = disposeAll([await startAgent(cluster, "web-1", follower)]);
  expect(await ping(cluster, follower, "web-1")).toBe("success");
  await cluster.node(leader).kill();
  expect(await cluster.leader(leader)).toBe(follower);
  await cluster.startNode(leader);
  expect(await ping(cluster, leader, "web-1")).toBe("success");
});

test("a batch that is larger than a message of NATS survives the leader that wrote it", async () => {
  await using cluster = await Cluster.start({ nodes: 2, natsConfig: "max_payload: 16KB" });
  const leader = await cluster.leader();
  const client = cluster.client(leader);
  const agents = Array.from({ length: 200 }, (_, index) => `web-${index}`);
  for (const agent_id of agents) await client.createToken({ role: "agent", agent_id });
  const { job } = await client.sendOnly({ command: "ping", target: { agents }, ttl_seconds: 3600 });
  await cluster.node(leader).kill();
  const next = await cluster.leader(leader);
  expect((await cluster.client(next).job(job.job_id)).total).toBe(200);
  await cluster.startNode(leader);
  expect((await cluster.client(leader).job(job.job_id)).total).toBe(200);
});
