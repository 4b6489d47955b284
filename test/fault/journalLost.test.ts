/**
 * A journal that is gone, in whole or in its latest part, is not taken for a new one; and what is
 * taken away under a control plane that serves is noticed before anything more is accepted.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { adminToken } from "../support/processes/cli.ts";
import { Running, startServe, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";

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

test.each<[string, (file: string) => void]>([
  ["that was removed", (file) => rmSync(file)],
  ["of which no byte is left", (file) => truncateSync(file)],
])("a journal %s is missed, and everything moved away starts anew", async (_what, lose) => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await served(data, "stopped");
  lose(join(data, "control.db"));
  expect(await refusal(data)).toMatch(
    /Cannot open .*control\.db": it is missing or empty, although "local.json" exists\. Restore/,
  );
  renameSync(data, `${data}.away`);
  await isServed(data);
});

test.each<[string, (file: string) => void]>([
  ["removed", (file) => rmSync(file)],
  ["emptied", (file) => truncateSync(file)],
])("a journal's log that was %s after a crash is missed", async (_what, lose) => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await served(data, "killed");
  lose(join(data, "control.db-wal"));
  expect(await refusal(data)).toMatch(/Cannot open .*control\.db": /);
  await served(join(`${dir}`, "other"), "stopped");
  const later = join(`${dir}`, "other");
  await served(later, "killed");
  lose(join(later, "control.db-wal"));
  expect(await refusal(later)).toMatch(/its log ".*-wal" is missing or empty/);
  rmSync(join(later, "control.open"));
  await isServed(later);
});

test("a data directory that was copied from a control plane that had stopped is served", async () => {
  using dir = temporaryDir();
  const data = join(`${dir}`, "data");
  await served(data, "stopped");
  expect(existsSync(join(data, "control.open"))).toBe(false);
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
  await process.logged(/Cannot write .*: the file was removed, moved or replaced/);
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
  await serving.process.logged(/the file was removed, moved or replaced/);
  expect((await fetch(`${serving.url}/readyz`)).status).toBe(503);
  renameSync(`${data}.away`, data);
});
