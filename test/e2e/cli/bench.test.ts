/** `wsctl bench` against a control plane of its operator: what it measures, and that it cleans up. */
import { describe, expect, test } from "bun:test";
import { Client } from "../../../lib/client/client.ts";
import { adminToken, expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import {
  flavours,
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

interface Report {
  agents: number;
  one_by_one: { requests: number; p50_ms: number; p99_ms: number };
  at_once: { requests: number; seconds: number; concurrency: number; outcomes: object };
  fan_out_ms: number;
  memory?: { before: number; connected: number; after: number };
}

async function leftOf(url: string, dataDir: string) {
  const client = new Client({ url, token: adminToken(dataDir), fetch });
  const tokens = await client.tokens();
  const inForce = tokens.filter(({ role, state }) => role === "agent" && state === "active");
  return { agents: (await client.agents()).length, tokens: inForce.length };
}

describe.each([...flavours])("wsctl bench, on %s", (flavour) => {
  test("measures, and leaves no agent and no token behind", async () => {
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir, flavour });
    const amount = ["--agents", "20", "--requests", "300", "--concurrency", "8", "--session"];
    const at = ["--data-dir", `${dataDir}`];
    const measured = await wsctl(["bench", ...amount, "--json", ...at], { flavour });
    expect(measured.code).toBe(0);
    const [report] = jsonLines<Report>(measured);
    expect(report).toMatchObject({
      agents: 20,
      one_by_one: { requests: 200 },
      at_once: { requests: 300, concurrency: 8, outcomes: { success: 300 } },
      session: { at_once: { requests: 300, concurrency: 8, outcomes: { success: 300 } } },
    });
    expect(report?.fan_out_ms).toBeGreaterThan(0);
    expect(report?.memory?.connected).toBeGreaterThan(1_000_000);
    expect(await leftOf(serving.url, `${dataDir}`)).toEqual({ agents: 0, tokens: 0 });
  });
});

test("wsctl bench for people says it in words, and what the jobs were stays in the history", async () => {
  using dataDir = temporaryDir();
  await using _serving = await startServe({ dataDir });
  const amount = ["--agents", "3", "--requests", "10"];
  const measured = await wsctl(["bench", ...amount, "--data-dir", `${dataDir}`]);
  expect(measured.stdout).toMatch(/^64 at a time +\d+ requests\/s; p50 [\d.]+ ms, p90 /m);
  expect(measured.stdout).toMatch(/^all outcomes +23 success$/m);
  const jobs = await wsctl(["jobs", "list", "--limit", "50", "--json", "--data-dir", `${dataDir}`]);
  expect(jsonLines(jobs)).toHaveLength(21);
});

test.each(["SIGINT", "SIGHUP"] as const)(
  "wsctl bench that %s interrupts cleans up and says so",
  async (signal) => {
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir });
    const amount = ["--agents", "20", "--requests", "1000000"];
    await using bench = new Running([
      ...wsctlCommand("binary"),
      "bench",
      ...amount,
      "--data-dir",
      `${dataDir}`,
    ]);
    await bench.logged(/Sending 1,000,000 requests/);
    process.kill(bench.pid, signal);
    await bench.logged(/Removing the simulated agents/);
    expect(await bench.exited).toBe(130);
    expect(await leftOf(serving.url, `${dataDir}`)).toEqual({ agents: 0, tokens: 0 });
  },
);

test("wsctl bench that cannot clean up says how to, and goes on past what is gone already", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const client = new Client({ url: serving.url, token: adminToken(`${dataDir}`), fetch });
  const amount = ["--agents", "20", "--requests", "1000000"];
  const command = [...wsctlCommand("binary"), "bench", ...amount, "--data-dir", `${dataDir}`];
  {
    await using bench = new Running(command);
    await bench.logged(/Sending 1,000,000 requests/);
    const [agent] = await client.agents();
    await client.revokeAgent(agent?.agent_id ?? "");
    process.kill(bench.pid, "SIGINT");
    expect(await bench.exited).toBe(130);
    expect(await leftOf(serving.url, `${dataDir}`)).toEqual({ agents: 0, tokens: 0 });
  }
  await using bench = new Running(command);
  await bench.logged(/Sending 1,000,000 requests/);
  process.kill(bench.pid, "SIGKILL");
  await bench.exited;
  const [left] = await client.agents();
  const run = left?.agent_id.split("-")[1] ?? "";
  const removed = await wsctl(["bench", "--remove", run, "--data-dir", `${dataDir}`]);
  expect(removed).toMatchObject({ stderr: "", stdout: "removed 20 agents\n" });
  expect(await leftOf(serving.url, `${dataDir}`)).toEqual({ agents: 0, tokens: 0 });
});

test("wsctl bench refuses wrong figures, and who may not make tokens", async () => {
  using dataDir = temporaryDir();
  await using _serving = await startServe({ dataDir });
  const at = ["--data-dir", `${dataDir}`];
  expectRefusal(await wsctl(["bench", "--agents", "0", ...at]), 2, /--agents/);
  expectRefusal(await wsctl(["bench", "--concurrency", "x", ...at]), 2, /--concurrency/);
  const made = await wsctl(["tokens", "create", "--role", "viewer", ...at]);
  const env = { WSCTL_TOKEN: made.stdout.trim() };
  const refused = await wsctl(["bench", ...at], { env });
  expect(refused.stderr).toContain('Requires a token of the role "admin"');
  expect(refused.stderr).not.toContain("--remove");
  expect(refused.code).toBe(4);
  expectRefusal(await wsctl(["bench", "--remove", "x", ...at]), 2, /--remove is "x"/);
  expectRefusal(await wsctl(["bench", "--remove", "0123abcd", ...at]), 5, /No agents of run/);
});

test("wsctl bench whose reader has gone cleans up all the same", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const [file = "", ...own] = wsctlCommand("binary");
  const args = [...own, "bench", "--agents", "5", "--requests", "10", "--data-dir", `${dataDir}`];
  const bench = Bun.spawn(["sh", "-c", '"$@" | true', "sh", file, ...args], { stderr: "pipe" });
  expect(await new Response(bench.stderr).text()).toContain("Removing the simulated agents");
  expect(await leftOf(serving.url, `${dataDir}`)).toEqual({ agents: 0, tokens: 0 });
});

test("wsctl bench says so where it cannot measure, and does not wait", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir, args: ["--require-approval-for", "ping"] });
  const bench = ["bench", "--agents", "2", "--requests", "10", "--data-dir", `${dataDir}`];
  const refused = await wsctl(bench);
  expect(refused.stderr).toContain('"ping" needs approval');
  expect(refused.code).toBe(1);
  const limited = Bun.spawn(
    ["sh", "-c", 'ulimit -n 150; exec "$@"', "sh", ...wsctlCommand("binary"), ...bench],
    { stderr: "pipe" },
  );
  expect(await new Response(limited.stderr).text()).toContain("but the limit is 150");
  expect(await limited.exited).toBe(2);
  expect(await leftOf(serving.url, `${dataDir}`)).toEqual({ agents: 0, tokens: 0 });
});
