/** A node that stops hands its agents on one by one. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Cluster } from "../../support/processes/cluster.ts";
import { Running, wsctlCommand } from "../../support/processes/processes.ts";

const count = 6;

test("agents of a node that stops move to another one step by step, and the node waits for them", async () => {
  await using cluster = await Cluster.start({ nodes: 2 });
  await cluster.complete();
  const leader = await cluster.leader();
  const leaving = 1 - leader;
  const agents: Running[] = [];
  for (let index = 0; index < count; index++) {
    const id = `web-${index}`;
    const { token } = await cluster.client(leader).createToken({ role: "agent", agent_id: id });
    writeFileSync(cluster.path(`${id}.token`), token);
    const agent = new Running([
      ...[...wsctlCommand("binary"), "agent", "--id", id, "--server", cluster.url(leaving)],
      ...["--token-file", cluster.path(`${id}.token`), "--data-dir", cluster.path(id)],
    ]);
    agents.push(agent);
    await agent.logged(/other addresses of the control plane stored/);
  }
  const stopped = cluster.node(leaving).stop();
  const moved = agents.map((agent) => agent.logged(/connection lost \(1012: this node is/));
  await Promise.race(moved);
  const isUp = !cluster.node(leaving).hasExited;
  expect({ isUp, ready: (await cluster.ready(leaving))?.status }).toEqual({
    isUp: true,
    ready: "not ready",
  });
  const lost = (await Promise.all(moved)).map(({ input }) => Date.parse(input.split(" ")[0] ?? ""));
  // With 100 ms between two of them.
  expect(Math.max(...lost) - Math.min(...lost)).toBeGreaterThanOrEqual((count - 2) * 100);
  expect(await stopped).toBe(0);
  await cluster.node(leaving).logged(new RegExp(`connections moved to other nodes count=${count}`));
  for (const agent of agents) {
    const seen = agent.lines.findIndex((line) => /connection lost/.test(line));
    await agent.logged(/ connected/, seen);
    await agent[Symbol.asyncDispose]();
  }
});
