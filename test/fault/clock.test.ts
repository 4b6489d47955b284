/**
 * Clocks that are wrong, and clocks that are set while processes run, on the real binary: deadlines
 * are not moved, and an agent's idea of the time decides nothing.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { JobDetail, OutcomeLine } from "../../lib/protocol/api/views.ts";
import {
  connectedAgent,
  type Running,
  startServe,
  temporaryDir,
  wsctl,
} from "../support/processes/processes.ts";

/** Debian's libfaketime, which sets the wall clock of one process, also while it runs. */
const library = findLibrary();
const offsets = ["+3650d", "-3650d", "+3600s", "-3600s"];

if (library === undefined) {
  process.stdout.write("no libfaketime: the tests that set clocks are left out\n");
} else describe("clocks", () => clockTests(library));

function clockTests(faketime: string): void {
  const dataDir = temporaryDir();
  const file = join(dataDir, "offset");
  const env = {
    LD_PRELOAD: faketime,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
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
    const shown = await wsctl(["jobs", "show", jobId, "--json", "--data-dir", `${dataDir}`]);
    expect((JSON.parse(shown.stdout) as JobDetail).requests[0]?.state).toBe("queued");
    expect(agent.lines.filter((line) => /connection lost/.test(line))).toEqual([]);
    expect(await serving.process.stop()).toBe(0);
  });

  test("a clock that was set back while nobody ran puts no end off", async () => {
    setClock("+0");
    const first = await startServe({ dataDir, env });
    await wsctl(["tokens", "create", "--agent", "web-3", "--data-dir", `${dataDir}`]);
    const words = ["send", "ping", "--agent", "web-3", "--data-dir", `${dataDir}`, "--json"];
    const sent = wsctl([...words, "--ttl", "3s"]);
    await first.process.logged(/accepted a job/);
    await first.process.kill();
    setClock("-3600s");
    keep(await startServe({ dataDir, env, port: first.port }));
    const { stdout } = await sent;
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "expired", code: "EXPIRED" });
  });
}

function findLibrary(): string | undefined {
  const found = spawnSync("find", ["/usr/lib", "-name", "libfaketime.so.1"], { encoding: "utf8" });
  return found.stdout?.split("\n")[0] || undefined;
}
