/** What the console may do: by its mode, by the role, and for how long after a login. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readsOnly } from "../../lib/control/api/route.ts";
import { routes } from "../../lib/control/http/routes.ts";
import { Visitor } from "../support/clients/visitor.ts";
import { adminToken } from "../support/processes/cli.ts";
import {
  connectedAgent,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

async function visitorOf(serving: Serving, token: string) {
  const visitor = new Visitor();
  const login = { method: "POST", body: { token } };
  expect((await visitor.ask(`${serving.url}/console/login`, login)).status).toBe(204);
  return visitor;
}

async function newToken(dataDir: string, role: string): Promise<string> {
  const words = ["tokens", "create", "--role", role, "--data-dir", dataDir];
  return (await wsctl(words)).stdout.trim();
}

test("a read-only console changes nothing, and may call reading routes alone", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir, args: ["--console", "read-only"] });
  const visitor = await visitorOf(serving, adminToken(dir));
  const standing = JSON.parse((await visitor.ask(`${serving.url}/console/login`)).text);
  expect(standing).toMatchObject({ role: "admin", mode: "read-only" });
  for (const route of routes) {
    const path = route.path.replace(/:\w+/g, "none");
    const body = route.method === "POST" ? {} : undefined;
    const { status } = await visitor.ask(serving.url + path, { method: route.method, body });
    const isOpen = readsOnly(route);
    expect({ path, isIn: status === 200 || status === 404 }).toEqual({ path, isIn: isOpen });
    if (!isOpen) expect({ path, status }).toEqual({ path, status: 403 });
  }
});

test("serve --console off has no page, no login and no session", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir, args: ["--console", "off"] });
  const visitor = new Visitor();
  const login = { method: "POST", body: { token: adminToken(dir) }, origin: "" };
  for (const path of ["/", "/console/app.js", "/console/login", "/console/oidc"]) {
    expect((await visitor.ask(serving.url + path)).status).toBe(404);
  }
  expect((await visitor.ask(`${serving.url}/console/login`, login)).status).toBe(404);
  expect(visitor.setCookies).toEqual([]);
  const { code } = await wsctl(["agents", "--data-dir", dir]);
  expect(code).toBe(0);
});

test("at the console a viewer reads, an operator commands, and neither makes tokens", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir });
  const order = { command: "ping", target: { agents: ["nobody"] } };
  const codes: Record<string, (string | undefined)[]> = {};
  for (const role of ["viewer", "operator"]) {
    const visitor = await visitorOf(serving, await newToken(dir, role));
    const ask = async (path: string, body: unknown) => {
      const { text } = await visitor.ask(serving.url + path, { method: "POST", body });
      return JSON.parse(text).error?.code;
    };
    codes[role] = [
      await ask("/api/v1/targets", { target: { all: true } }),
      await ask("/api/v1/jobs", order),
      await ask("/api/v1/tokens", { role: "viewer" }),
    ];
  }
  expect(codes).toEqual({
    viewer: ["NO_MATCH", "FORBIDDEN", "FORBIDDEN"],
    operator: ["NO_MATCH", "NO_MATCH", "FORBIDDEN"],
  });
});

test("what the console does is in the audit trail, under the token of its session", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir });
  await using _agent = await connectedAgent({ dataDir: dir, id: "web-1" });
  const token = await newToken(dir, "operator");
  const visitor = await visitorOf(serving, token);
  const body = { command: "ping", target: { all: true } };
  const sent = await visitor.ask(`${serving.url}/api/v1/jobs`, { method: "POST", body });
  expect(sent.status).toBe(202);
  const { stdout } = await wsctl(["audit", "export", "--data-dir", dir]);
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).record);
  expect(records).toContainEqual(
    expect.objectContaining({ action: "job.create", actor: token.split("-")[1] ?? "" }),
  );
});

test("streams at the console end with the session, not only with the token", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir });
  await using agent = await connectedAgent({ dataDir: dir, id: "web-1" });
  await agent.kill();
  const visitor = await visitorOf(serving, adminToken(dir));
  const body = { command: "ping", target: { agents: ["web-1"] } };
  const sent = await visitor.ask(`${serving.url}/api/v1/jobs`, { method: "POST", body });
  const path = `/api/v1/jobs/${JSON.parse(sent.text).job.job_id}/stream`;
  // The agent is away, so the stream stays open until the session ends.
  const stream = visitor.ask(serving.url + path, { method: "POST", body: {} });
  const events = visitor.ask(`${serving.url}/api/v1/events?types=agent.pending`);
  const out = await visitor.ask(`${serving.url}/console/logout`, { method: "POST" });
  expect(out.status).toBe(204);
  expect((await stream).text.trim()).toBe("");
  expect((await events).text).toMatch(/^: events through \d+\nid: \d+\n\n$/);
});

const library = spawnSync("find", ["/usr/lib", "-name", "libfaketime.so.1"], {
  encoding: "utf8",
}).stdout.split("\n")[0];

test.skipIf(!library)(
  "new tokens need a login of the last minutes, or a confirmation",
  async () => {
    using dir = temporaryDir();
    const file = join(dir, "offset");
    writeFileSync(file, "+0\n");
    const env = {
      LD_PRELOAD: library ?? "",
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    await using serving = await startServe({ dataDir: dir, env });
    const admin = adminToken(dir);
    const other = await newToken(dir, "admin");
    const visitor = await visitorOf(serving, admin);
    const post = async (path: string, body: unknown) => {
      const { status, text } = await visitor.ask(serving.url + path, { method: "POST", body });
      return { status, says: text === "" ? "" : (JSON.parse(text).error?.message ?? "") };
    };
    const create = () => post("/api/v1/tokens", { role: "viewer" });
    const job = { command: "ping", target: { all: true }, force: true };
    const schedule = { name: "nightly", timing: { every_seconds: 60 }, job };
    expect((await create()).status).toBe(201);
    writeFileSync(file, "+360s\n");
    expect(await create()).toEqual({
      status: 403,
      says: "Confirm the login first: enter its token again, or log in again",
    });
    // What runs on after the login is as sensitive as a token.
    expect((await post("/api/v1/schedules", schedule)).says).toContain("Confirm the login first");
    // Nothing else needs it: there is no agent, but that is an answer.
    expect((await post("/api/v1/targets", { target: { all: true } })).status).toBe(404);
    const confirm = (token: string) => post("/console/confirm", { token });
    expect((await confirm(other)).says).toContain("belongs to another token");
    expect((await confirm(`${admin.slice(0, -1)}x`)).status).toBe(401);
    expect((await create()).status).toBe(403);
    expect((await confirm(admin)).status).toBe(204);
    expect((await create()).status).toBe(201);
    expect((await post("/api/v1/schedules", schedule)).status).toBe(201);
  },
);

test("a session uploads files for jobs, and neither releases nor results", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir });
  const visitor = await visitorOf(serving, adminToken(dir));
  const artifact = { name: "a.txt", bytes: 1, sha256: "0".repeat(64) };
  const statuses: number[] = [];
  for (const kind of [undefined, "release", "result", "file"]) {
    const body = kind === undefined ? artifact : { ...artifact, kind };
    const path = `${serving.url}/api/v1/artifacts`;
    statuses.push((await visitor.ask(path, { method: "POST", body })).status);
  }
  expect(statuses).toEqual([403, 403, 403, 201]);
});
