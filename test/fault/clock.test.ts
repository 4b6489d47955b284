/**
 * Clocks that are wrong, and clocks that are set while processes run, on the real binary: deadlines
 * are not moved, and an agent's idea of the time decides nothing.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { JobDetail, OutcomeLine } from "../../lib/protocol/api/views.ts";
import { clockEnvironment, faketimeLibrary } from "../support/processes/fakeClock.ts";
import {
  connectedAgent,
  type Running,
  startServe,
  temporaryDir,
  wsctl,
} from "../support/processes/processes.ts";
import { Target } from "../support/processes/target.ts";

const offsets = ["+3650d", "-3650d", "+3600s", "-3600s"];

if (faketimeLibrary === undefined) {
  process.stdout.write("no libfaketime: the tests that set clocks are left out\n");
} else describe("clocks", clockTests);

function clockTests(): void {
  const dataDir = temporaryDir();
  const file = join(dataDir, "offset");
  const env = clockEnvironment(file);
  const setClock = (offset: string) => writeFileSync(file, `${offset}\n`);
  const running: (AsyncDisposable | Running)[] = [];
  afterEach(async () => {
    for (const each of running.splice(0).reverse()) await each[Symbol.asyncDispose]();
  });
  const keep = <T extends AsyncDisposable>(started: T): T => {
    running.push(started);
    return started;
  };
  const send = async (id: string, ...args: string[]) => {
    const words = ["send", "ping", "--agent", id, "--json", "--data-dir", `${dataDir}`, ...args];
    const { stdout } = await wsctl(words);
    return JSON.parse(stdout) as OutcomeLine;
  };

  test.each(offsets)("an agent whose clock is off by %s runs what it is sent", async (offset) => {
    setClock(offset);
    keep(await startServe({ dataDir }));
    keep(await connectedAgent({ dataDir, id: "web-1", env }));
    expect(await send("web-1", "--ttl", "5s")).toMatchObject({ outcome: "success" });
  });

  test.each(offsets)("a control plane whose clock is set by %s stays at work", async (offset) => {
    setClock("+0");
    const serving = keep(await startServe({ dataDir, env, args: ["--heartbeat", "1s"] }));
    const agent = keep(await connectedAgent({ dataDir, id: "web-1" }));
    await wsctl(["tokens", "create", "--agent", "web-2", "--data-dir", `${dataDir}`]);
    const words = ["send", "ping", "--agent", "web-2", "--no-wait", "--data-dir", `${dataDir}`];
    const jobId = (await wsctl([...words, "--ttl", "1h"])).stdout.trim();
    setClock(offset);
    expect(await send("web-1", "--ttl", "5s")).toMatchObject({ outcome: "success" });
    const seconds = Number.parseInt(offset, 10) * (offset.endsWith("d") ? 86_400 : 1);
    const near = [seconds - 1, seconds, seconds + 1].join("|");
    await serving.process.logged(new RegExp(`WARN +clock set: times follow it seconds=(${near})$`));
    const expected = Date.now() + seconds * 1000;
    const isNow = (time = "") => Math.abs(Date.parse(time) - expected) < 60_000;
    const listed = await wsctl(["jobs", "list", "--json", "--data-dir", `${dataDir}`]);
    const jobs = listed.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as JobDetail);
    expect(jobs.filter(({ created_at }) => isNow(created_at))).toHaveLength(1);
    const agents = await wsctl(["agents", "show", "web-1", "--json", "--data-dir", `${dataDir}`]);
    const { connected_at, last_seen_at } = JSON.parse(agents.stdout);
    expect({ connected: isNow(connected_at), seen: isNow(last_seen_at) }).toEqual({
      connected: true,
      seen: true,
    });
    const shown = await wsctl(["jobs", "show", jobId, "--json", "--data-dir", `${dataDir}`]);
    expect((JSON.parse(shown.stdout) as JobDetail).requests[0]?.state).toBe("queued");
    expect(agent.lines.filter((line) => /connection lost/.test(line))).toEqual([]);
    expect(await serving.process.stop()).toBe(0);
  });

  test("a token expires by the wall clock, also while the host was suspended", async () => {
    setClock("+0");
    await using target = await Target.start("binary", [], undefined, env);
    const body = JSON.stringify({ role: "viewer", expires_in_seconds: 3600 });
    const made = await target.api("/api/v1/tokens", { method: "POST", body });
    const authorization = `Bearer ${made.body.token}`;
    const status = async () => (await target.api("/api/v1/whoami", { authorization })).status;
    expect(await status()).toBe(200);
    setClock("+3601s");
    expect(await status()).toBe(401);
    const { body: health } = await target.api("/healthz");
    const ahead = Date.parse(String(health.time)) - Date.now();
    expect(Math.round(ahead / 60_000)).toBe(60);
  });

  test("a certificate is renewed when the wall clock has moved past its term", async () => {
    setClock("+0");
    const args = ["--tls", "on", "--tls-lifetime", "1h"];
    using ownDir = temporaryDir();
    const serving = keep(await startServe({ dataDir: ownDir, env, args }));
    setClock("+3601s");
    await serving.process.logged(/certificate renewed/);
  });

  test("schedules run on after the clock was set back, and after a restart then", async () => {
    setClock("+0");
    using ownDir = temporaryDir();
    const serving = keep(await startServe({ dataDir: ownDir, env }));
    const at = ["--data-dir", `${ownDir}`];
    await wsctl(["tokens", "create", "--agent", "web-4", ...at]);
    const words = [
      "schedules",
      "create",
      "often",
      "ping",
      "--every",
      "1s",
      "--concurrency-policy",
      "allow",
    ];
    const made = await wsctl([...words, ...at, "--agent", "web-4"]);
    expect(made).toMatchObject({ code: 0 });
    await serving.process.logged(/schedule run started/);
    const seen = serving.process.lines.length;
    setClock("-3600s");
    await serving.process.logged(/clock set back, schedules recomputed/, seen);
    const planned = serving.process.lines.length;
    await serving.process.logged(/schedule run started/, planned);
  });

  test("clock: a clock set back while nothing ran does not extend deadlines", async () => {
    setClock("+0");
    const first = await startServe({ dataDir, env });
    await wsctl(["tokens", "create", "--agent", "web-3", "--data-dir", `${dataDir}`]);
    const words = ["send", "ping", "--agent", "web-3", "--data-dir", `${dataDir}`, "--json"];
    const sent = wsctl([...words, "--ttl", "3s"]);
    await first.process.logged(/job accepted/);
    await first.process.kill();
    setClock("-3600s");
    keep(await startServe({ dataDir, env, port: first.port }));
    const { stdout } = await sent;
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "expired", code: "EXPIRED" });
  });
}
