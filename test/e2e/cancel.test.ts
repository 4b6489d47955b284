/** A job is withdrawn while its agent is away, and the operator who waits is told. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { OutcomeLine } from "../../lib/protocol/api.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../support/processes.ts";

const dataDir = temporaryDir();
let serving: Serving;
let agent: Running;
const run = (...words: string[]) => wsctl([...words, "--data-dir", `${dataDir}`]);

beforeAll(async () => {
  serving = await startServe({ dataDir });
  agent = await connectedAgent({ dataDir, id: "web-1" });
  await run("tokens", "create", "--agent", "web-2");
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await serving[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

test("what was not sent is withdrawn, what was sent goes on, and the operator hears of both", async () => {
  const words = [
    "send",
    "restart",
    "--agent",
    "web-1,web-2",
    "--param",
    "delay_seconds=1",
    "--json",
  ];
  const sent = run(...words);
  const [, jobId = ""] = await serving.process.logged(/accepted a job job_id=(\S+)/);
  const cancelled = await run("jobs", "cancel", jobId);
  expect(cancelled).toMatchObject({ code: 0, stdout: "1 withdrawn, 1 go on, of 2\n" });
  const { code, stdout } = await sent;
  expect(code).toBe(1);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as OutcomeLine);
  expect(lines.map(({ agent: id, outcome }) => `${id} ${outcome}`).sort()).toEqual([
    "web-1 success",
    "web-2 cancelled",
  ]);
  const again = await run("jobs", "cancel", jobId);
  expect(again.stdout).toBe("1 withdrawn, 0 go on, of 2\n");
});

test("a job that nobody knows cannot be withdrawn", async () => {
  const { code, stderr } = await run("jobs", "cancel", "nonsense");
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: "wsctl: no such job; list them to see their ids\n",
  });
});
