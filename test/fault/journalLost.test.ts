/**
 * A journal that is gone, in whole or in its latest part, is not taken for a new one; and what is
 * taken away under a control plane that serves is noticed before anything more is accepted.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { adminToken } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import { Running, startServe, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";
import { firstSegment } from "./damageLog.ts";

setDefaultTimeout(60_000);

function serve(dataDir: string): Running {
  const args = ["serve", "--port", "0", "--data-dir", dataDir];
  return new Running([...wsctlCommand("binary"), ...args]);
}

/** A data directory as a control plane leaves it that was killed, or that ended by itself. */
async function served(dataDir: string, how: "killed" | "stopped"): Promise<void> {
  await using serving = await startServe({ dataDir });
  if (how === "killed") await serving.process.kill();
  else expect(await serving.process.stop()).toBe(0);
}

async function refusal(dataDir: string): Promise<string> {
  await using process = serve(dataDir);
  expect(await process.exited).toBe(1);
  return process.lines.join("\n");
}

async function isServed(dataDir: string): Promise<void> {
  await using process = serve(dataDir);
  await process.logged(/serving on/);
  expect(await process.stop()).toBe(0);
}

test.each<[string, (log: string) => void]>([
  ["that was removed", (log) => rmSync(log, { recursive: true })],
  ["that is empty", (log) => clear(log)],
])("a log %s is missed, and everything moved away starts anew", async (_what, lose) => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await served(data, "stopped");
  lose(join(data, "log"));
  expect(await refusal(data)).toMatch(
    /Cannot open .*log": it is missing or empty, although "local.json" exists\. Restore/,
  );
  renameSync(data, `${data}.away`);
  await isServed(data);
});

test.each<["killed" | "stopped", string, (segment: string) => void]>([
  ["killed", "removed", (segment) => rmSync(segment)],
  ["killed", "emptied", (segment) => truncateSync(segment)],
  ["stopped", "removed", (segment) => rmSync(segment)],
  ["stopped", "emptied", (segment) => truncateSync(segment)],
])("a control plane that was %s misses a segment that was %s", async (how, _what, lose) => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await served(data, how);
  lose(join(data, "log", firstSegment));
  expect(await refusal(data)).toMatch(/Cannot use the log file .*0001\.log": .*(missing|damaged)/);
});

test("an index that was removed, damaged or taken from an older copy is built anew", async () => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  const index = join(data, "index.db");
  await served(data, "stopped");
  cpSync(index, `${index}.older`);
  const tokens = await tokensOf(data);
  for (const lose of [
    () => rmSync(index),
    () => writeFileSync(index, "this is no database ".repeat(1_000)),
    () => truncateSync(index, 10),
    () => cpSync(`${index}.older`, index),
  ]) {
    rmSync(`${index}-wal`, { force: true });
    lose();
    expect(await tokensOf(data)).toEqual(tokens);
  }
});

test("a data directory of a build before the first release is refused", async () => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  mkdirSync(data);
  writeFileSync(join(data, "control.db"), "something");
  expect(await refusal(data)).toMatch(/control\.db": it was written by a build before the first/);
});

function clear(dir: string): void {
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
}

/** The ids of the tokens that a control plane on this directory knows. */
async function tokensOf(dataDir: string): Promise<string[]> {
  await using serving = await startServe({ dataDir });
  const headers = { Authorization: `Bearer ${adminToken(dataDir)}` };
  const answer = await fetch(`${serving.url}/api/v1/tokens`, { headers });
  const { items } = (await answer.json()) as { items: { token_id: string }[] };
  expect(await serving.process.stop()).toBe(0);
  return items.map(({ token_id }) => token_id).sort();
}

test("a data directory that was copied from a control plane that had stopped is served", async () => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await served(data, "stopped");
  cpSync(data, `${data}.copy`, { recursive: true });
  await isServed(`${data}.copy`);
});

test("a data directory that is moved away while it is served stops the taking of jobs until it is back", async () => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  mkdirSync(data);
  await using serving = await startServe({ dataDir: data });
  const { url, process } = serving;
  const token = adminToken(data);
  const post = (path: string, body: object) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  expect((await post("/api/v1/tokens", { role: "agent", agent_id: "a" })).status).toBe(201);
  const order = { command: "ping", target: { agents: ["a"] } };
  expect((await post("/api/v1/jobs", order)).status).toBe(202);
  renameSync(data, `${data}.away`);
  expect((await post("/api/v1/jobs", order)).status).toBe(507);
  expect((await post("/api/v1/tokens", { role: "viewer" })).status).toBe(507);
  await process.logged(/Cannot write .*: the directory was removed, moved or replaced/);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const mark = process.lines.length;
  renameSync(`${data}.away`, data);
  await process.logged(/journal writable again/, mark);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect((await post("/api/v1/jobs", order)).status).toBe(202);
});

test("a data directory that is moved away is noticed also where nobody asks for anything", async () => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await using serving = await startServe({ dataDir: data });
  renameSync(data, `${data}.away`);
  await serving.process.logged(/the directory was removed, moved or replaced/);
  expect((await fetch(`${serving.url}/readyz`)).status).toBe(503);
  renameSync(`${data}.away`, data);
});

test("an agent does not make a data directory again that was moved away, and goes on when it is back", async () => {
  await using fleet = await JoinableFleet.start();
  const host = fleet.newHost();
  const [data, away] = [join(host, "data"), join(host, "away")];
  const flags = ["--join", await fleet.joinText(), "--allow-exec", "**"];
  await using agent = fleet.agent(data, "--id", "web-1", ...flags);
  await agent.logged(/ connected$/);
  renameSync(data, away);
  const argv = JSON.stringify({ argv: ["/bin/echo", "said"] });
  const run = () => fleet.run("send", "exec", "--agent", "web-1", "--params", argv);
  expect(await run()).toMatchObject({ stdout: expect.stringContaining("STORAGE_UNAVAILABLE") });
  const seen = agent.lines.length;
  await fleet.restart();
  await agent.logged(/WARN +cannot connect|next attempt/, seen);
  expect(existsSync(data)).toBeFalse();
  renameSync(away, data);
  await agent.logged(/ connected$/, seen);
  expect((await run()).stdout).toContain("[web-1] said");
});
