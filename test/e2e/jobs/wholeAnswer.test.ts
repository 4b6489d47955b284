/** What ends within a moment is answered as a whole; what takes longer is streamed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { adminToken } from "../../support/processes/cli.ts";
import { connectedAgent, startServe, temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(30_000);

test("a job that ends quickly is answered with a length, a slow one line by line", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  await using _agent = await connectedAgent({ dataDir, id: "web-1" });
  const post = (order: object) =>
    fetch(`${serving.url}/api/v1/jobs`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${adminToken(dataDir)}`,
        "Content-Type": "application/json",
        Accept: "application/x-ndjson",
      },
      body: JSON.stringify(order),
    });
  // Only what ends within 25 ms is whole, which a busy machine may not manage each time.
  let quick = await post({ command: "ping", target: { agents: ["web-1"] } });
  for (let more = 20; more > 0 && !quick.headers.has("content-length"); more--) {
    await quick.text();
    quick = await post({ command: "ping", target: { agents: ["web-1"] } });
  }
  expect(quick.status).toBe(202);
  expect(quick.headers.get("content-type")).toBe("application/x-ndjson");
  const text = await quick.text();
  expect(Number(quick.headers.get("content-length"))).toBe(text.length);
  const [accepted, outcome] = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(accepted.job.command).toBe("ping");
  expect(outcome).toMatchObject({ agent: "web-1", outcome: "success", message: "pong" });
  // The agent of this one never comes, so its outcome is the expiry, long after the first line.
  const added = await fetch(`${serving.url}/api/v1/tokens`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${adminToken(dataDir)}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ role: "agent", agent_id: "offline" }),
  });
  expect(added.status).toBe(201);
  const slow = await post({ command: "ping", target: { agents: ["offline"] }, ttl_seconds: 1 });
  expect([slow.status, slow.headers.get("content-length")]).toEqual([202, null]);
  const lines = (await slow.text()).trim().split("\n").filter(Boolean);
  expect(lines.map((line) => JSON.parse(line).outcome)).toEqual([undefined, "expired"]);
});
