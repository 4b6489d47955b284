/** Hosts whose only way out is an HTTP proxy: every connection goes through it, by the same rules. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminToken, closedPort, expectRefusal } from "../../support/processes/cli.ts";
import {
  type Flavour,
  type Serving,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import {
  type HttpProxyServer,
  hiddenName,
  proxyMissing,
  startHttpProxy,
} from "../../support/servers/httpProxy.ts";

setDefaultTimeout(60_000);

if (proxyMissing !== undefined) process.stderr.write(`HTTP proxies: left out: ${proxyMissing}\n`);

const secret = { username: "ops", password: "s3cret" };

for (const [flavour, credentials] of [
  ["binary", undefined],
  ["binary", secret],
  ["deno", secret],
] as const satisfies [Flavour, typeof secret | undefined][]) {
  const title = `through a proxy ${credentials ? "with" : "without"} credentials, on ${flavour}`;
  describe.skipIf(proxyMissing !== undefined)(title, () => {
    const dir = temporaryDir();
    const dataDir = join(`${dir}`, "serve");
    const elsewhere = join(`${dir}`, "elsewhere");
    const logs = join(`${dir}`, "logs");
    let serving: Serving;
    let proxy: HttpProxyServer;
    let server = "";
    let ca = "";

    const proxyUrl = (user = credentials) => {
      const access = user ? `${user.username}:${encodeURIComponent(user.password)}@` : "";
      return `http://${access}127.0.0.1:${proxy.port}`;
    };
    const remote = (args: string[], env: Record<string, string>) =>
      wsctl([...args, "--server", server, "--ca", ca], {
        flavour,
        env: { WSCTL_TOKEN: adminToken(dataDir), WSCTL_DATA_DIR: elsewhere, ...env },
      });

    beforeAll(async () => {
      mkdirSync(logs, { recursive: true });
      writeFileSync(join(`${dir}`, "app.log"), "2026-01-01T00:00:00Z line\n".repeat(40_000));
      writeFileSync(join(logs, "app.toml"), `files = ["${dir}/app.log"]\n`);
      serving = await startServe({ dataDir, args: ["--tls", "on", "--advertise", hiddenName] });
      server = `https://${hiddenName}:${serving.port}`;
      ca = join(dataDir, "tls", "ca.pem");
      proxy = await startHttpProxy(`${dir}`, credentials);
    });
    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await serving?.[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    });

    test("a host joins, connects, runs commands and uploads a result", async () => {
      const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir]);
      const args = ["--join", made.stdout.trim(), "--logs-dir", logs];
      const env = { HTTPS_PROXY: proxyUrl() };
      await using agent = startAgent({ dataDir: elsewhere, id: "web-1", flavour, args, env });
      await agent.logged(/ connected/);
      const output = join(`${dir}`, "output");
      const params = ["--param", "source=app", "--param", "lines=all", "--output", output];
      const sent = await remote(["send", "fetch_logs", "--agent", "web-1", ...params], {
        https_proxy: proxyUrl(),
      });
      expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
      const read = (path: string) => readFileSync(path, "utf8");
      const isSame = read(join(output, "web-1.app.log")) === read(join(`${dir}`, "app.log"));
      expect(isSame).toBeTrue();
      const tunnels = proxy.process.lines.filter((line) => line.includes(`CONNECT ${hiddenName}`));
      expect(tunnels.length).toBeGreaterThan(3);
    });

    test("a plain control plane is reached through HTTP_PROXY and ALL_PROXY", async () => {
      const plain = join(`${dir}`, "plain");
      await using other = await startServe({ dataDir: plain, args: ["--advertise", hiddenName] });
      const at = ["--server", `http://${hiddenName}:${other.port}`];
      const made = await wsctl(["tokens", "create", "--agent", "web-2", "--data-dir", plain]);
      const own = { WSCTL_TOKEN: made.stdout.trim(), HTTP_PROXY: proxyUrl() };
      const options = { dataDir: elsewhere, id: "web-2", flavour, args: at };
      await using agent = startAgent({ ...options, env: own });
      await agent.logged(/ connected/);
      const env = { WSCTL_TOKEN: adminToken(plain), ALL_PROXY: proxyUrl() };
      const sent = await wsctl(["send", "ping", "--agent", "web-2", ...at], { flavour, env });
      expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    });

    test("an address of NO_PROXY is reached directly, where its name is not known", async () => {
      for (const exception of [
        "*",
        hiddenName,
        ".internal.example",
        `${hiddenName}:${serving.port}`,
      ]) {
        const env = { HTTPS_PROXY: proxyUrl(), NO_PROXY: `10.0.0.0/8, ${exception}` };
        const listed = await remote(["agents"], env);
        expectRefusal(listed, 3, /: host name not found/);
        expect(listed.stderr).not.toContain("proxy");
      }
      const other = { HTTPS_PROXY: proxyUrl(), NO_PROXY: `other.example,${hiddenName}:1` };
      expect(await remote(["agents"], other)).toMatchObject({ code: 0 });
    });

    test("doctor takes the proxy, and names it", async () => {
      const checked = await remote(["doctor"], { HTTPS_PROXY: proxyUrl() });
      expect(checked).toMatchObject({ code: 0, stderr: "" });
      const at = `http://127.0.0.1:${proxy.port} opens ${hiddenName}:${serving.port}`;
      expect(checked.stdout).toContain(`ok    proxy: ${at}`);
      expect(checked.stdout).toContain("ok    upgrade: ");
      const dead = await remote(["doctor"], { HTTPS_PROXY: "http://ops:geheim@127.0.0.1:1" });
      expect(dead.code).toBe(3);
      expect(dead.stdout).toMatch(/FAIL {2}proxy: .*http:\/\/127\.0\.0\.1:1: connection refused/);
      expect(dead.stdout).not.toContain("geheim");
    });

    test("HTTP proxy: loopback addresses are reached without the proxy", async () => {
      const env = { HTTPS_PROXY: "http://127.0.0.1:1", https_proxy: "http://127.0.0.1:1" };
      const listed = await wsctl(["agents", "--data-dir", dataDir], { flavour, env });
      expect(listed).toMatchObject({ code: 0 });
    });

    test("errors name the proxy, and never its credentials", async () => {
      const closed = await closedPort();
      const dead = `http://ops:geheim@127.0.0.1:${closed}`;
      const refused = await remote(["agents"], { HTTPS_PROXY: dead });
      expectRefusal(
        refused,
        3,
        new RegExp(`through the proxy http://127.0.0.1:${closed}: connection refused`),
      );
      expect(refused.stderr).not.toContain("geheim");
      const args = ["--server", server, "--ca", ca];
      const env = { HTTPS_PROXY: dead, WSCTL_TOKEN: "wrong" };
      await using agent = startAgent({ dataDir: elsewhere, id: "web-3", flavour, args, env });
      const named = `through the proxy http://127.0.0.1:${closed}: connection refused`;
      await agent.logged(new RegExp(`cannot connect .*${hiddenName}:${serving.port} ${named}`));
      expect(agent.lines.join("\n")).not.toContain("geheim");
      if (credentials === undefined) return;
      const wrong = proxyUrl({ username: "ops", password: "geheim" });
      const rejected = await remote(["agents"], { HTTPS_PROXY: wrong });
      expectRefusal(rejected, 3, /through the proxy .*refuses the connection/);
      expect(rejected.stderr).not.toContain("geheim");
    });
  });
}

test.skipIf(proxyMissing !== undefined)(
  "a response of the proxy itself is told from one of the control plane",
  async () => {
    using dir = temporaryDir();
    await using proxy = await startHttpProxy(`${dir}`);
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, WSCTL_TOKEN: "x" };
    const listed = await wsctl(["agents", "--server", "http://nobody.invalid"], { env });
    const from = `from http://nobody\\.invalid through the proxy http://127\\.0\\.0\\.1:${proxy.port}`;
    expectRefusal(listed, 3, new RegExp(`Unexpected response 50\\d ${from}`));
  },
);

test("a proxy that is none of HTTP is refused by its variable, without its value", async () => {
  const env = { ALL_PROXY: "socks5://user:geheim@127.0.0.1:1080", WSCTL_TOKEN: "x" };
  const listed = await wsctl(["agents", "--server", "https://cp.example"], { env });
  expectRefusal(listed, 2, /environment variable ALL_PROXY: it has the scheme "socks5:"/);
  expect(listed.stderr).not.toContain("geheim");
});

test("a proxy that takes connections and never answers is named, and ends the wait", async () => {
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const env = { HTTPS_PROXY: `https://127.0.0.1:${silent.port}`, WSCTL_TOKEN: "wsctl-token" };
  const at = ["--server", "https://192.0.2.9:7420"];
  const [checked, listed] = await Promise.all([
    wsctl(["doctor", ...at], { env }),
    wsctl(["agents", ...at], { env }),
  ]);
  expect(checked.stdout).toMatch(/FAIL +proxy: .*through the proxy \S+: no response in time/);
  expectRefusal(listed, 3, /through the proxy \S+: no response in time/);
});
