/**
 * A rolling upgrade between two builds, and back, while jobs are sent. WSCTL_PREVIOUS_BINARY is an
 * earlier build to begin with; by default it is this source with another version.
 */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../../../lib/client/client.ts";
import { isOutput } from "../../../lib/client/streamCursor.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";
import { nodesFetch } from "../../../lib/transfer/nodesFetch.ts";
import { build } from "../../../scripts/build.ts";
import { Cluster } from "../../support/processes/cluster.ts";
import { Running, temporaryDir, wsctlCommand } from "../../support/processes/processes.ts";

const olderVersion = "0.0.9";

async function olderBinary(dir: string): Promise<string> {
  const given = process.env.WSCTL_PREVIOUS_BINARY;
  if (given !== undefined) return given;
  const outfile = join(dir, "wsctl-older");
  await build({ outfile, version: olderVersion });
  return outfile;
}

async function versions(cluster: Cluster): Promise<string[]> {
  await cluster.complete();
  const { nodes } = await cluster.client(await cluster.leader()).cluster();
  return nodes.map(({ version }) => version);
}

/** The nodes that follow come first, and the leader last. After each, a job succeeds. */
async function replaceAll(
  cluster: Cluster,
  command: readonly string[],
  outcomes: readonly string[],
): Promise<void> {
  const leader = await cluster.leader();
  for (const index of [...cluster.indexes.filter((each) => each !== leader), leader]) {
    expect(await cluster.node(index).stop()).toBe(0);
    await cluster.startNode(index, command);
    await cluster.complete();
    for (const seen = outcomes.length; outcomes.length === seen; ) await pause(20);
  }
}

test("a cluster is upgraded node by node, and back, and every job that is sent meanwhile succeeds", async () => {
  using dir = temporaryDir();
  const older = [await olderBinary(`${dir}`)];
  const newer = wsctlCommand("binary");
  await using cluster = await Cluster.start({ nodes: 3, command: older });
  const leader = await cluster.leader();
  const { token } = await cluster.client(leader).createToken({ role: "agent", agent_id: "web-1" });
  writeFileSync(cluster.path("web-1.token"), token);
  await using agent = new Running([
    ...[...older, "agent", "--id", "web-1", "--server", cluster.url((leader + 1) % 3)],
    ...["--token-file", cluster.path("web-1.token"), "--data-dir", cluster.path("web-1")],
  ]);
  await agent.logged(/other addresses of the control plane stored/);
  expect(await versions(cluster)).toEqual([olderVersion, olderVersion, olderVersion]);
  const urls = cluster.indexes.map((index) => cluster.url(index));
  const anyNode = nodesFetch(() => fetch, urls, {});
  const operator = new Client({ url: urls[0] ?? "", token: cluster.token, fetch: anyNode });
  const outcomes: string[] = [];
  let isOver = false;
  const sending = (async () => {
    while (!isOver) {
      // Longer than the agent waits between two attempts to connect.
      const patience = { ttl_seconds: 120, timeout_seconds: 120 };
      const order = { command: "ping", target: { agents: ["web-1"] }, ...patience };
      try {
        const { lines } = await operator.send(order);
        for await (const line of lines) if (!isOutput(line)) outcomes.push(line.outcome);
      } catch (error) {
        // A refusal is certain: no job was created.
        if (!(error instanceof WsctlError) || error.code !== "UNAVAILABLE") throw error;
      }
      await pause(20);
    }
  })();
  await replaceAll(cluster, newer, outcomes);
  const upgraded = await versions(cluster);
  expect(new Set(upgraded).size).toBe(1);
  expect(upgraded[0]).not.toBe(olderVersion);
  await replaceAll(cluster, older, outcomes);
  expect(await versions(cluster)).toEqual([olderVersion, olderVersion, olderVersion]);
  isOver = true;
  await sending;
  expect(outcomes.length).toBeGreaterThanOrEqual(6);
  expect(outcomes.filter((outcome) => outcome !== "success")).toEqual([]);
}, 150_000);
