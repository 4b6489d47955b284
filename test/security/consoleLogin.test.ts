/** Login at the console on each runtime, and how long a login is good for. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Visitor } from "../support/clients/visitor.ts";
import { adminToken } from "../support/processes/cli.ts";
import { flavours, startServe, temporaryDir, wsctl } from "../support/processes/processes.ts";
import { consoleLoginSuite } from "./consoleLoginSuite.ts";

setDefaultTimeout(60_000);

for (const flavour of flavours) consoleLoginSuite(flavour);

async function loggedIn(dataDir: string, args: string[]) {
  const serving = await startServe({ dataDir, args });
  const visitor = new Visitor();
  const login = { method: "POST", body: { token: adminToken(dataDir) } };
  await visitor.ask(`${serving.url}/console/login`, login);
  const status = async () => (await visitor.ask(`${serving.url}/api/v1/agents`)).status;
  return { serving, visitor, status };
}

test("a login that is used ends all the same, in its time", async () => {
  using dir = temporaryDir();
  const { serving, visitor, status } = await loggedIn(dir, ["--console-lifetime", "2s"]);
  await using _ = serving;
  const { until } = JSON.parse((await visitor.ask(`${serving.url}/console/login`)).text);
  expect(await status()).toBe(200);
  while ((await status()) === 200) expect(Date.now()).toBeLessThan(Date.parse(until) + 1_000);
  expect(Date.now()).toBeGreaterThan(Date.parse(until) - 100);
  expect(await status()).toBe(401);
});

test("a login that is not used ends before", async () => {
  using dir = temporaryDir();
  const { serving, status } = await loggedIn(dir, ["--console-idle", "1s"]);
  await using _ = serving;
  expect(await status()).toBe(200);
  // That nobody asks for so long is the very thing that is tried.
  await Bun.sleep(1_100);
  expect(await status()).toBe(401);
});

test("a restart keeps a login that is good, and none that has ended", async () => {
  using dir = temporaryDir();
  const { serving, visitor, status } = await loggedIn(dir, []);
  const tokens = ["tokens", "create", "--role", "viewer", "--data-dir", dir];
  const revoked = (await wsctl(tokens)).stdout.trim();
  const others: Visitor[] = [];
  for (const token of [adminToken(dir), revoked]) {
    const other = new Visitor();
    await other.ask(`${serving.url}/console/login`, { method: "POST", body: { token } });
    others.push(other);
  }
  const asked = () =>
    Promise.all(
      others.map(async (each) => (await each.ask(`${serving.url}/api/v1/agents`)).status),
    );
  expect([await status(), ...(await asked())]).toEqual([200, 200, 200]);
  await others[0]?.ask(`${serving.url}/console/logout`, { method: "POST" });
  await wsctl(["tokens", "revoke", revoked.split("-")[1] ?? "", "--data-dir", dir]);
  const file = join(dir, "console-sessions.json");
  const kept = readFileSync(file, "utf8");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // What is kept is no cookie.
  expect(kept).not.toContain(visitor.cookie(serving.url, /login/) ?? "?");
  await serving.process.kill();
  await using _again = await startServe({ dataDir: dir, port: serving.port });
  expect([await status(), ...(await asked())]).toEqual([200, 401, 401]);
});

test("a damaged file of logins ends them and is named in the log", async () => {
  using dir = temporaryDir();
  const { serving, status } = await loggedIn(dir, []);
  await serving.process.kill();
  writeFileSync(join(dir, "console-sessions.json"), '[{"hash":"x"}]');
  await using again = await startServe({ dataDir: dir, port: serving.port });
  expect(await status()).toBe(401);
  await again.process.logged(/WARN {2}Cannot read the console sessions .*console-sessions.json/);
});

test("in plain text on this host the cookie is one that browsers send there", async () => {
  using dir = temporaryDir();
  const { serving, visitor } = await loggedIn(dir, []);
  await using _ = serving;
  expect(visitor.setCookies[0]).toMatch(
    /^wsctl-login-\w{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );
});

test("behind a proxy that speaks TLS it is the console's address that counts", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({
    dataDir: dir,
    args: ["--console-url", "https://wsctl.example"],
  });
  const visitor = new Visitor();
  const login = { method: "POST", body: { token: adminToken(dir) } };
  const from = (origin: string, Host: string) =>
    visitor.ask(`${serving.url}/console/login`, { ...login, origin, headers: { Host } });
  expect((await from("https://wsctl.example", "wsctl.example")).status).toBe(204);
  expect(visitor.setCookies[0]).toMatch(/^__Host-wsctl-login-.*; Secure/);
  expect((await from("http://wsctl.example", "wsctl.example")).status).toBe(403);
});
