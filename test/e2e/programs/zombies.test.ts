/** Ended processes that are collected by the agent although it did not start them. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  connectedAgent,
  Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { gone } from "../../support/processes/programs.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const go = join(`${dataDir}`, "go");
let serving: Serving;

beforeAll(async () => {
  serving = await startServe({ dataDir });
});
afterAll(async () => {
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

async function send(agent: string, command: string, script?: string): Promise<string> {
  const params = JSON.stringify(script === undefined ? {} : { argv: ["sh", "-c", script] });
  const words = ["send", command, "--agent", agent, "--ttl", "20s", "--params", params, "--json"];
  const { stdout } = await wsctl([...words, "--data-dir", `${dataDir}`]);
  return JSON.parse(stdout).message;
}

function children(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

/** A child that is another process, such as one that reads the login environment, soon ends. */
function supervisorOf(pid: number): number | undefined {
  return children(pid).find((child) => {
    const path = `/proc/${child}/cmdline`;
    return existsSync(path) && readFileSync(path, "utf8").includes("supervise");
  });
}

test("supervisors of programs that ran over a restart are collected", async () => {
  await using agent = await connectedAgent({ dataDir, id: "web-1", args: ["--allow-exec", "**"] });
  const running = send("web-1", "exec", `while [ ! -e ${go} ]; do sleep 0.05; done; echo over`);
  await agent.logged(/running command=exec/);
  let supervisor: number | undefined;
  while (supervisor === undefined) {
    supervisor = supervisorOf(agent.pid);
    await Bun.sleep(10);
  }
  await send("web-1", "restart");
  expect(children(agent.pid)).toContain(supervisor);
  writeFileSync(go, "");
  expect(await running).toBe("over");
  while (existsSync(`/proc/${supervisor}`)) await Bun.sleep(50);
  await gone(supervisor);
});

const mayUnshare = spawnSync("unshare", ["-pf", "true"]).status === 0;

test.skipIf(!mayUnshare)("the first process of a container collects orphans", async () => {
  const words = ["agent", "--id", "c1", "--allow-exec", "**", "--data-dir", `${dataDir}`];
  const mount = 'mount -t proc proc /proc; exec "$@"';
  await using agent = new Running([
    ...["unshare", "-pfm", "--kill-child", "sh", "-c", mount, "sh"],
    ...wsctlCommand("binary"),
    ...words,
  ]);
  await agent.logged(/connected/);
  await send("c1", "exec", "(sleep 0.1 &) ; (sleep 0.1 &)");
  const count = "ps -eo stat | grep -c ^Z || true";
  const until = Date.now() + 20_000;
  let wasSeen = false;
  let last = "";
  while (Date.now() < until && !(wasSeen && last === "0")) {
    last = await send("c1", "exec", count);
    wasSeen ||= last !== "0";
  }
  expect({ wasSeen, last }).toEqual({ wasSeen: true, last: "0" });
  agent.signal("SIGKILL");
});
