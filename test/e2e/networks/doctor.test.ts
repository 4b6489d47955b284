/** `wsctl doctor` takes the very way of agents and of operators, and says ok of nothing else. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Check } from "../../../lib/client/diagnose.ts";
import { adminToken, jsonLines } from "../../support/processes/cli.ts";
import {
  type Running,
  type Serving,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { missingProxies, planProxy, startProxy } from "../../support/servers/reverseProxy.ts";
import { issueCertificate, type TestCertificate } from "../../support/servers/testCa.ts";

setDefaultTimeout(60_000);

type Line = Check & { subject: string };

function verdicts(lines: Line[]): string[] {
  return lines.map(({ subject, name, ok }) => `${subject}: ${name} ${ok ? "ok" : "FAIL"}`);
}

describe("on a host that joined", () => {
  const dir = temporaryDir();
  const dataDir = join(`${dir}`, "serve");
  const elsewhere = join(`${dir}`, "elsewhere");
  let serving: Serving;
  let agent: Running;

  beforeAll(async () => {
    serving = await startServe({ dataDir, args: ["--tls", "on"] });
    const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir]);
    agent = startAgent({ dataDir: elsewhere, id: "web-1", args: ["--join", made.stdout.trim()] });
    await agent.logged(/ connected/);
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test.each(["binary", "deno"] as const)("it needs no flags, on %s", async (flavour) => {
    const checked = await wsctl(["doctor", "--data-dir", elsewhere, "--json"], { flavour });
    expect(checked.code).toBe(0);
    expect(verdicts(jsonLines<Line>(checked))).toEqual([
      ...["address", "tcp", "tls", "control plane", "upgrade", "agent", "clock"].map(
        (name) => `agent web-1: ${name} ok`,
      ),
    ]);
  });

  test("the agent's own connection continues, and its key is not taken for a copy", async () => {
    expect(agent.lines.join("\n")).not.toContain("connection lost");
    await agent.stop();
    agent = startAgent({ dataDir: elsewhere, id: "web-1" });
    await agent.logged(/ connected/);
    const at = ["--data-dir", dataDir];
    const sent = await wsctl(["send", "ping", "--agent", "web-1", ...at]);
    expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    expect(serving.process.lines.join("\n")).not.toMatch(/fenced|agent rejected/);
  });

  test("on the control plane's host, the caller and its agents are told apart", async () => {
    await using local = startAgent({ dataDir, id: "cp-1" });
    await local.logged(/ connected/);
    const checked = await wsctl(["doctor", "--data-dir", dataDir, "--json"]);
    expect(checked.code).toBe(0);
    const lines = verdicts(jsonLines<Line>(checked));
    expect(lines).toContain("caller: token ok");
    expect(lines).toContain("agent cp-1: agent ok");
    expect(lines.join()).not.toContain("caller: agent");
  });

  test("a revoked agent is told so, although the WebSocket opens", async () => {
    const revoked = await wsctl(["agents", "revoke", "web-1", "--data-dir", dataDir]);
    expect(revoked).toMatchObject({ code: 0 });
    const checked = await wsctl(["doctor", "--data-dir", elsewhere, "--json"]);
    expect(checked.code).toBe(4);
    const lines = jsonLines<Line>(checked);
    expect(lines.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["agent"]);
  });
});

describe.skipIf(missingProxies.includes("nginx"))("behind a reverse proxy", () => {
  const dir = temporaryDir();
  const dataDir = join(`${dir}`, "serve");
  const none = join(`${dir}`, "none");
  let certificate: TestCertificate;
  let serving: Serving;
  let token = "";

  beforeAll(async () => {
    certificate = issueCertificate(`${dir}`, { names: "DNS:localhost" });
    serving = await startServe({ dataDir });
    const made = await wsctl(["tokens", "create", "--agent", "web-1", "--data-dir", dataDir]);
    token = made.stdout.trim();
  });
  afterAll(async () => {
    await serving?.[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test.each([
    [
      "that loses the Upgrade header",
      (text: string) => text.replace(/ *proxy_set_header (Upgrade|Connection).*\n/g, ""),
      /status 426: Not a WebSocket handshake/,
      /headers Upgrade and Connection/,
    ],
    [
      "that passes on another host name",
      (text: string) => text.replace("Host $http_host", "Host other.example.com"),
      /status 403: Host header is not allowed/,
      /text of the response/,
    ],
    [
      "that has another program at the path of agents",
      (text: string) =>
        text.replace("location /wsctl/ {", "location /wsctl/agent { return 200 'hello'; }\n$&"),
      /status 200: hello/,
      /Check the path/,
    ],
  ])("%s, agents and doctor say what it answered", async (_what, change, answer, fix) => {
    const { port, url } = await planProxy();
    const nginx = { name: "nginx", port, upstream: serving.port, certificate } as const;
    await using _proxy = await startProxy({ ...nginx, dir: `${dir}`, change });
    const args = ["--server", url, "--ca", certificate.ca];
    for (const flavour of ["binary", "deno"] as const) {
      const env = { WSCTL_TOKEN: token };
      await using agent = startAgent({ dataDir: none, id: "web-1", flavour, args, env });
      await agent.logged(new RegExp(`WebSocket upgrade was refused with ${answer.source}`));
    }
    for (const credentials of [token, adminToken(dataDir)]) {
      const env = { WSCTL_TOKEN: credentials, WSCTL_DATA_DIR: none };
      const checked = await wsctl(["doctor", ...args, "--json"], { env });
      expect(checked.code).toBe(3);
      const [failed, ...others] = jsonLines<Line>(checked).filter(({ ok }) => !ok);
      expect(others).toEqual([]);
      expect(failed).toMatchObject({ name: "upgrade" });
      expect(failed?.text).toMatch(answer);
      expect(failed?.fix).toMatch(fix);
    }
  });
});
