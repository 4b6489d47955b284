/** A control plane is upgraded while it has agents and open jobs: two builds, one data directory. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isOutput } from "../../../lib/client/streamCursor.ts";
import type { JobDetail, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { build } from "../../../scripts/build.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import { Cluster } from "../../support/processes/cluster.ts";
import {
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { written } from "../../support/processes/programs.ts";
import { newer, older } from "../../support/processes/updates.ts";

setDefaultTimeout(120_000);

const dir = temporaryDir();
const file = (version: string) => join(`${dir}`, version);

beforeAll(async () => {
  for (const version of [older, newer]) await build({ outfile: file(version), version });
});
afterAll(() => dir[Symbol.dispose]());

describe("one control plane", () => {
  const dataDir = join(`${dir}`, "control");
  const running: Running[] = [];
  let serving: Serving;
  let port = 0;

  const serve = async (version: string) => {
    serving = await startServe({
      ...{ dataDir, port, command: [file(version)] },
      // The program that runs goes on without its control plane.
      args: ["--drain-timeout", "1s"],
    });
    port = serving.port;
  };
  const run = (...words: string[]) =>
    wsctl([...words, "--data-dir", dataDir, "--server", serving.url]);
  const agent = async (id: string, version = older) => {
    const commands = join(`${dir}`, `${id}.commands`);
    mkdirSync(commands, { recursive: true });
    const script = 'echo > "$1.began"; until [ -e "$1.go" ]; do sleep 0.1; done; echo done';
    const argv = JSON.stringify(["/bin/sh", "-c", script, "sh", join(`${dir}`, id)]);
    writeFileSync(join(commands, "work.toml"), `description = "x"\nargv = ${argv}\n`);
    const token = join(`${dir}`, `${id}.token`);
    writeFileSync(token, (await run("tokens", "create", "--agent", id)).stdout);
    const own = ["--id", id, "--token-file", token, "--data-dir", join(`${dir}`, id)];
    const started = new Running([
      ...[file(version), "agent", "--server", serving.url, "--commands-dir", commands, ...own],
    ]);
    running.push(started);
    await started.logged(/ connected/);
    return started;
  };
  const jobId = async (...words: string[]) => {
    const sent = await run("send", ...words, "--no-wait", "--json");
    return jsonLines<{ job_id: string }>(sent)[0]?.job_id ?? "";
  };
  /** The outcomes of a job, as soon as it has ended. */
  const outcomes = async (id: string) => {
    await run("jobs", "watch", id);
    const [job] = jsonLines<JobDetail>(await run("jobs", "show", id, "--json"));
    return (job?.requests ?? []).map(({ outcome }) => outcome);
  };

  afterAll(async () => {
    for (const each of running) await each[Symbol.asyncDispose]();
    await serving[Symbol.asyncDispose]();
  });

  test("goes on with every job, agent, token and schedule, and back again to the version before", async () => {
    await serve(older);
    const first = await agent("web-1");
    await run("agents", "label", "web-1", "role=web");
    await run("schedules", "create", "nightly", "ping", "--agent", "web-1", "--cron", "0 3 * * *");
    const named = (await run("tokens", "create", "--role", "viewer", "--name", "alice")).stdout;
    const open = await jobId("work", "--agent", "web-1", "--timeout", "10m");
    await written(join(`${dir}`, "web-1.began"));
    await run("tokens", "create", "--agent", "web-2");
    const queued = await jobId("ping", "--agent", "web-2", "--ttl", "1h");

    const from = first.lines.length;
    expect(await serving.process.stop()).toBe(0);
    await serve(newer);
    await first.logged(/ connected/, from);
    writeFileSync(join(`${dir}`, "web-1.go"), "");
    expect(await outcomes(open)).toEqual(["success"]);
    await agent("web-2", newer);
    expect(await outcomes(queued)).toEqual(["success"]);
    expect((await run("agents", "list", "--target", "role=web", "--json")).stdout).toContain(
      "web-1",
    );
    expect((await run("schedules", "list", "--json")).stdout).toContain('"nightly"');
    expect(await run("audit", "verify")).toMatchObject({ code: 0 });
    const asAlice = ["agents", "list", "--json", "--server", serving.url, "--data-dir", "/nowhere"];
    expect(await wsctl(asAlice, { env: { WSCTL_TOKEN: named.trim() } })).toMatchObject({ code: 0 });

    expect(await serving.process.stop()).toBe(0);
    await serve(older);
    const sent = await run("send", "ping", "--all", "--json");
    const lines = jsonLines<OutcomeLine>(sent);
    expect(lines).toMatchObject([{ outcome: "success" }, { outcome: "success" }]);
    expect(await outcomes(open)).toEqual(["success"]);
    expect(await run("audit", "verify")).toMatchObject({ code: 0 });
  });
});

test("a cluster is upgraded node by node, and answers all the time", async () => {
  await using cluster = await Cluster.start({ nodes: 3, command: [file(older)] });
  const token = join(`${dir}`, "cluster.token");
  const made = await cluster.client(0).createToken({ role: "agent", agent_id: "web-1" });
  writeFileSync(token, made.token);
  const own = ["--id", "web-1", "--token-file", token, "--data-dir", cluster.path("web-1")];
  await using agent = new Running([file(older), "agent", "--server", cluster.url(0), ...own]);
  // It knows the other nodes before the one that it was given stops.
  await agent.logged(/other addresses of the control plane stored/);
  const answered: string[] = [];
  const ping = async (index: number) => {
    const order = { command: "ping", target: { agents: ["web-1"] }, ttl_seconds: 60 };
    const sent = await cluster.client(index).send(order);
    for await (const line of sent.lines) if (!isOutput(line)) answered.push(line.outcome);
  };
  // The leader goes last, so that it changes once.
  const leader = await cluster.leader();
  const order = [...cluster.indexes.filter((index) => index !== leader), leader];
  for (const index of order) {
    await cluster.node(index).stop();
    await ping(await cluster.leader(index));
    await cluster.startNode(index, [file(newer)]);
    await cluster.complete();
    await ping(index);
  }
  expect(answered).toEqual(Array(6).fill("success"));
  const status = await cluster.client(0).cluster();
  expect(status.nodes.map(({ version }) => version)).toEqual([newer, newer, newer]);
  expect((await cluster.client(1).jobs()).items).toHaveLength(6);
});
