/**
 * A job is withdrawn: what has not begun never will, what runs is stopped, and everybody is told.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobDetail, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { isAlive, written } from "../../support/processes/programs.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const mark = join(`${dataDir}`, "mark");
const commandsDir = join(`${dataDir}`, "commands.d");
let serving: Serving;
let agent: Running;
const run = (...words: string[]) => wsctl([...words, "--data-dir", `${dataDir}`]);
const start = () => connectedAgent({ dataDir, id: "web-1", args: ["--commands-dir", commandsDir] });

beforeAll(async () => {
  mkdirSync(commandsDir);
  const manifest = (script: string) =>
    `description = "d"\nargv = ["/bin/sh", "-c", ${JSON.stringify(script)}]\nconcurrency = 1\n`;
  writeFileSync(
    join(commandsDir, "long.toml"),
    manifest(`echo begun; echo $$ > ${mark}; sleep 600`),
  );
  serving = await startServe({ dataDir });
  agent = await start();
  await run("tokens", "create", "--agent", "web-2");
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await serving[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

/** The lines of the control plane's log so far: where to look for what comes next. */
const here = () => serving.process.lines.length;
const accepted = async (from: number) =>
  (await serving.process.logged(/job accepted job_id=(\S+)/, from))[1] ?? "";

test("what runs is stopped, what waits never begins, and the operator hears of each", async () => {
  const from = here();
  const sent = run("send", "long", "--agent", "web-1,web-2", "--timeout", "10m", "--json");
  const jobId = await accepted(from);
  const pid = Number(await written(mark));
  const cancelled = await run("jobs", "cancel", jobId);
  expect(cancelled).toMatchObject({ code: 0, stdout: "1 cancelled, 1 stopping, of 2\n" });
  const finished = await sent;
  expect(finished.code).toBe(1);
  const told = jsonLines<OutcomeLine>(finished).map((l) => `${l.agent} ${l.outcome} ${l.code}`);
  expect(told.sort()).toEqual(["web-1 cancelled STOPPED", "web-2 cancelled CANCELLED"]);
  expect(isAlive(pid)).toBe(false);
  const again = await run("jobs", "cancel", jobId);
  expect(again.stdout).toBe("1 cancelled, 0 stopping, of 2\n");
});

test("a command of ours that waits is stopped too", async () => {
  const from = here();
  const words = ["restart", "--agent", "web-1", "--param", "delay_seconds=60"];
  const sent = run("send", ...words, "--timeout", "2m", "--json");
  const jobId = await accepted(from);
  await agent.logged(/running command=restart/);
  await run("jobs", "cancel", jobId);
  expect(jsonLines<OutcomeLine>(await sent)).toMatchObject([{ code: "STOPPED" }]);
});

test("a job that is withdrawn while its agent is away is stopped when it comes back", async () => {
  const from = here();
  rmSync(mark);
  const words = ["send", "long", "--agent", "web-1", "--timeout", "10m", "--json"];
  const sent = run(...words);
  const jobId = await accepted(from);
  await written(mark);
  await agent.kill();
  await run("jobs", "cancel", jobId);
  await serving.process.kill();
  const { port } = serving;
  serving = await startServe({ dataDir, port });
  agent = await start();
  expect(jsonLines<OutcomeLine>(await sent)).toMatchObject([
    { outcome: "cancelled", code: "STOPPED" },
  ]);
  const { cancelled_at } = JSON.parse(
    (await run("jobs", "show", jobId, "--json")).stdout,
  ) as JobDetail;
  expect(cancelled_at).toMatch(/^20/);
});

test("send: Ctrl-C twice cancels the job and waits for its outcome; once detaches", async () => {
  const from = here();
  const lines = agent.lines.length;
  const command = [...wsctlCommand("binary"), "send", "long", "--agent", "web-1"];
  const options = ["--timeout", "10m", "--data-dir", `${dataDir}`];
  await using operator = new Running([...command, ...options]);
  await accepted(from);
  await agent.logged(/running command=long/, lines);
  operator.signal("SIGINT");
  await operator.logged(/press Ctrl-C again to cancel/);
  operator.signal("SIGINT");
  await operator.logged(/cancelled {2}STOPPED/);
  expect(await operator.exited).toBe(1);

  const next = here();
  await using leaver = new Running([...command, ...options]);
  const jobId = await accepted(next);
  leaver.signal("SIGINT");
  expect(await leaver.exited).toBe(130);
  expect(leaver.lines.join("\n")).toContain(`wsctl jobs cancel ${jobId}`);
  await run("jobs", "cancel", jobId);
});

test("a job that nobody knows cannot be withdrawn", async () => {
  const { code, stderr } = await run("jobs", "cancel", "nonsense");
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(
      /^wsctl: Unknown job "[^"]*"\. List the jobs to see their ids\n$/,
    ),
  });
});
