/** A control plane below a path of nginx, HAProxy and Caddy, configured as the guide shows. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../../../lib/client/createClient.ts";
import { parseJoin } from "../../../lib/protocol/api/joinString.ts";
import { chromiumFile, startBrowser } from "../../support/clients/browser.ts";
import { badge, logIn, visit } from "../../support/clients/consolePage.ts";
import { adminToken } from "../../support/processes/cli.ts";
import {
  type Running,
  type Serving,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import {
  missingProxies,
  planProxy,
  proxyNames,
  type ReverseProxy,
  startProxy,
} from "../../support/servers/reverseProxy.ts";
import { TcpProxy } from "../../support/servers/tcpProxy.ts";
import { issueCertificate, type TestCertificate } from "../../support/servers/testCa.ts";

setDefaultTimeout(60_000);

if (missingProxies.length > 0) {
  process.stderr.write(`left out, because they are missing: ${missingProxies.join(", ")}\n`);
}

/** A command with a file as its parameter. */
const installer = `description = "Install a package"
argv = ["/usr/bin/stat", "--format=%s bytes", "{package}"]

[parameters]
required = ["package"]
[parameters.properties.package]
type = "artifact"
description = "The package"
`;

/** A client whose own address is another one of loopback, and which writes headers of a proxy. */
function curl(url: string, ca: string, from: string, ...args: string[]) {
  const words = ["-s", "--cacert", ca, "--interface", from, "-w", "\n%{http_code}", ...args, url];
  const { stdout } = spawnSync("curl", words, { encoding: "utf8", maxBuffer: 16_000_000 });
  const lines = stdout.split("\n");
  return { status: Number(lines.pop()), text: lines.join("\n") };
}

test("behind a TCP load balancer, hosts see the certificate of an advertised name", async () => {
  using dir = temporaryDir();
  const dataDir = join(`${dir}`, "serve");
  const { port } = await planProxy();
  const url = `https://localhost:${port}`;
  const args = ["--tls", "on", "--advertise", "localhost", "--public-url", url];
  await using serving = await startServe({ dataDir, args });
  await using _balancer = await TcpProxy.to(serving.port, port);
  const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir]);
  const { fingerprint } = parseJoin(made.stdout);
  expect({ url: parseJoin(made.stdout).url, hasFingerprint: fingerprint !== undefined }).toEqual({
    ...{ url, hasFingerprint: true },
  });
  const joining = ["--join", made.stdout.trim()];
  const agent = { dataDir: join(`${dir}`, "agent"), id: "web-1", args: joining };
  await using joined = startAgent(agent);
  await joined.logged(/ connected/);
});

for (const name of proxyNames) {
  describe.skipIf(missingProxies.includes(name))(`behind ${name}`, () => {
    const dir = temporaryDir();
    const dataDir = join(`${dir}`, "serve");
    const elsewhere = join(`${dir}`, "elsewhere");
    const logs = join(`${dir}`, "logs");
    let certificate: TestCertificate;
    let serving: Serving;
    let proxy: ReverseProxy;
    let agent: Running;
    let joinString = "";

    const remote = (...args: string[]) =>
      wsctl([...args, "--server", proxy.url, "--ca", certificate.ca], {
        env: { WSCTL_TOKEN: adminToken(dataDir), WSCTL_DATA_DIR: elsewhere },
      });

    beforeAll(async () => {
      certificate = issueCertificate(`${dir}`, { names: "DNS:localhost,IP:127.0.0.1" });
      mkdirSync(logs);
      const lines = Array.from({ length: 60_000 }, (_, n) => `2026-01-01T00:00:00Z line ${n}`);
      writeFileSync(join(`${dir}`, "app.log"), `${lines.join("\n")}\n`);
      writeFileSync(join(logs, "app.toml"), `files = ["${dir}/app.log"]\n`);
      const commands = join(`${dir}`, "commands");
      mkdirSync(commands);
      writeFileSync(join(commands, "install.toml"), installer);
      const { port, url } = await planProxy();
      const args = ["--public-url", url, "--trusted-proxy", "127.0.0.1"];
      serving = await startServe({ dataDir, args });
      proxy = await startProxy({ name, port, upstream: serving.port, certificate, dir: `${dir}` });
      const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir]);
      joinString = made.stdout.trim();
      const own = ["--logs-dir", logs, "--commands-dir", commands];
      const joining = ["--join", joinString, "--ca", certificate.ca, ...own];
      agent = startAgent({ dataDir: elsewhere, id: "web-1", args: joining });
      await agent.logged(/ connected/);
    });
    afterAll(async () => {
      await agent?.[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
      await serving?.[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    });

    test("a join string has the public URL with its path, and no fingerprint", () => {
      const { url, fingerprint } = parseJoin(joinString);
      expect({ url, fingerprint }).toEqual({ url: proxy.url, fingerprint: undefined });
    });

    test("an agent that joined there runs commands of an operator there", async () => {
      const sent = await remote("send", "ping", "--agent", "web-1");
      expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    });

    test("an operator session carries jobs of a client there", async () => {
      const server = proxy.url;
      const caFile = certificate.ca;
      const client = createClient({ server, token: adminToken(dataDir), caFile });
      await using session = await client.session();
      const order = { command: "ping", target: { agents: ["web-1"] } };
      const jobs = await Promise.all(Array.from({ length: 20 }, () => session.send(order)));
      for (const { lines } of jobs) {
        for await (const line of lines) expect(line).toMatchObject({ outcome: "success" });
      }
    });

    test("a ws URL is the endpoint itself, and a command finds the API beside it", async () => {
      const endpoint = `${proxy.url.replace("https:", "wss:")}/agent`;
      const token = await remote("tokens", "create", "--agent", "web-2");
      const args = ["--server", endpoint, "--ca", certificate.ca];
      const env = { WSCTL_TOKEN: token.stdout.trim() };
      await using other = startAgent({ dataDir: elsewhere, id: "web-2", args, env });
      await other.logged(/ connected/);
      const listed = await wsctl(["agents", ...args], {
        env: { WSCTL_TOKEN: adminToken(dataDir), WSCTL_DATA_DIR: elsewhere },
      });
      expect(listed).toMatchObject({ code: 0, stderr: "" });
    });

    test("a result of more than 1 MB is uploaded and fetched by the public URL", async () => {
      const output = join(`${dir}`, "output");
      const params = ["--param", "source=app", "--param", "lines=all", "--output", output];
      const sent = await remote("send", "fetch_logs", "--agent", "web-1", ...params);
      expect(sent.stderr).toMatch(/^Job \S+\n$/);
      const listed = await remote("artifacts", "list", "--limit", "1", "--json");
      const id = JSON.parse(listed.stdout).artifact_id;
      const bearer = ["-H", `Authorization: Bearer ${adminToken(dataDir)}`];
      const api = `${proxy.url}/api/v1/artifacts/${id}`;
      const shown = curl(api, certificate.ca, "127.0.0.1", ...bearer);
      const { download } = JSON.parse(shown.text);
      expect(download.url).toStartWith(`${proxy.url}/artifacts/`);
      const direct = curl(
        api.replace(proxy.url, serving.url),
        certificate.ca,
        "127.0.0.1",
        ...bearer,
      );
      expect(JSON.parse(direct.text).download.url).toStartWith("/artifacts/");
      const content = curl(download.url, certificate.ca, "127.0.0.1");
      expect(content.text === readFileSync(join(`${dir}`, "app.log"), "utf8")).toBeTrue();
    });

    test("the audit trail has the address of the client, whatever it writes itself", async () => {
      const forged = ["X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6"];
      const headers = forged.flatMap((header) => ["-H", header]);
      const bad = ["-H", "Authorization: Bearer wrong"];
      const api = `${proxy.url}/api/v1/agents`;
      expect(curl(api, certificate.ca, "127.0.0.9", ...headers, ...bad).status).toBe(401);
      const trail = await remote("audit", "list", "--json");
      const refused = trail.stdout.split("\n").filter((line) => line.includes("UNAUTHORIZED"));
      expect(JSON.parse(refused.at(-1) ?? "{}")).toMatchObject({
        record: { address: "127.0.0.9" },
      });
    });

    test("a token is bound to the address of the client", async () => {
      const bind = ["--role", "viewer", "--allow-from", "127.0.0.9"];
      const { stdout } = await remote("tokens", "create", ...bind);
      const bearer = ["-H", `Authorization: Bearer ${stdout.trim()}`];
      const api = `${proxy.url}/api/v1/agents`;
      expect(curl(api, certificate.ca, "127.0.0.9", ...bearer).status).toBe(200);
      expect(curl(api, certificate.ca, "127.0.0.8", ...bearer).status).toBe(401);
    });

    test("without a limit of its own, a result continues in parts that the default takes", async () => {
      if (name !== "nginx") return;
      const change = (text: string) => text.replace(/ *client_max_body_size.*\n/, "");
      const { port, url: server } = await planProxy();
      await using narrow = await startProxy({
        ...{ name, port, certificate, change, dir: `${dir}`, upstream: serving.port },
      });
      // What is already stored is not uploaded again.
      writeFileSync(join(`${dir}`, "other.log"), "another line\n".repeat(200_000));
      writeFileSync(join(logs, "other.toml"), `files = ["${dir}/other.log"]\n`);
      const token = await remote("tokens", "create", "--agent", "web-3");
      const args = ["--server", server, "--ca", certificate.ca, "--logs-dir", logs];
      const env = { WSCTL_TOKEN: token.stdout.trim() };
      await using other = startAgent({ dataDir: elsewhere, id: "web-3", args, env });
      await other.logged(/ connected/);
      const params = ["--param", "source=other", "--param", "lines=all"];
      const sent = await remote("send", "fetch_logs", "--agent", "web-3", ...params);
      expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
      expect(narrow.process.lines.join("\n")).toContain("client intended to send too large");
    });

    test("a browser logs in below the path, and runs a command there", async () => {
      if (chromiumFile() === undefined) return;
      await using browser = await startBrowser();
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      const faults: string[] = [];
      page.on("requestfailed", (request) => {
        // The page gives up what it asked for another page.
        if (request.failure()?.errorText !== "net::ERR_ABORTED") faults.push(request.url());
      });
      await logIn(page, proxy.url, adminToken(dataDir));
      await visit(page, "run?agents=web-1&command=ping");
      await page.getByRole("button", { name: "Run on 1 agent" }).click();
      await badge(page, "succeeded").waitFor();
      const [cookie] = await context.cookies();
      expect(cookie).toMatchObject({ path: "/wsctl/", secure: true, httpOnly: true });
      expect(faults).toEqual([]);
    });

    test("a browser uploads a file there, in parts that a small limit takes", async () => {
      if (chromiumFile() === undefined) return;
      const change = (text: string) => text.replace(/ *client_max_body_size.*\n/, "");
      const { port } = await planProxy();
      await using narrow = await startProxy({
        ...{ name, port, certificate, change, dir: `${dir}`, upstream: serving.port },
      });
      await using browser = await startBrowser();
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      await logIn(page, narrow.url, adminToken(dataDir));
      await visit(page, "run?agents=web-1&command=install");
      const file = { name: "a.deb", mimeType: "text/plain", buffer: Buffer.alloc(3_000_000, name) };
      await page.getByLabel("package").setInputFiles(file);
      await page.getByText("stored: a.deb, 3.0 MB").waitFor();
      await page.getByRole("button", { name: "Run on 1 agent" }).click();
      await page.locator(".answer", { hasText: "3000000 bytes" }).waitFor();
    });

    test("the page and its files are below the path", () => {
      const moved = curl(proxy.url, certificate.ca, "127.0.0.1", "-L");
      expect(moved.status).toBe(200);
      const files = [...moved.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path);
      expect(files.length).toBe(3);
      for (const path of files.filter((each) => each !== "console/oidc")) {
        expect(curl(`${proxy.url}/${path}`, certificate.ca, "127.0.0.1").status).toBe(200);
      }
    });
  });
}
