/** A control plane behind TCP load balancers that tell the addresses of their clients. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { adminToken } from "../../support/processes/cli.ts";
import { TwoHosts } from "../../support/processes/namespaces.ts";
import {
  flavours,
  type Serving,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { missingProxies, planProxy, startProxy } from "../../support/servers/reverseProxy.ts";
import { issueCertificate } from "../../support/servers/testCa.ts";

setDefaultTimeout(60_000);

const balancer = ["--proxy-protocol", "--trusted-proxy", "127.0.0.1"];

/** Sends bytes from an address of this host, and returns what the server answers until it closes. */
function sent(port: number, from: string, ...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: from });
    let answer = "";
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
    for (const part of parts) socket.write(part);
  });
}

/** A request that a wrong token makes, so that the audit trail has the address of its client. */
function failedLogin(serving: Serving, name: string): string {
  const head = ["GET /api/v1/agents HTTP/1.1", `Host: 127.0.0.1:${serving.port}`];
  return [...head, `Authorization: Bearer wrong-${name}`, "Connection: close", "", ""].join("\r\n");
}

/** The addresses of the clients with a wrong token, from the audit trail. */
async function addresses({ dataDir }: Serving): Promise<string[]> {
  const { stdout } = await wsctl(["audit", "list", "--json", "--data-dir", dataDir]);
  const lines = stdout.split("\n").filter((line) => line.includes("UNAUTHORIZED"));
  return lines.map((line) => (JSON.parse(line) as { record: { address: string } }).record.address);
}

test.each(flavours)("the header of a balancer names the client (%s)", async (flavour) => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir, flavour, args: balancer });
  const login = failedLogin(serving, "a");
  const header = "PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n";
  expect(await sent(serving.port, "127.0.0.1", header, login)).toContain("401");
  // In two parts, so that neither the header nor the request arrives at once.
  expect(
    await sent(serving.port, "127.0.0.1", "PROXY TCP6 2001:db8::7 ::1 1 2\r", "\n", login),
  ).toContain("401");
  // A client on this host, and one at another address, which nobody trusts with a header.
  expect(await sent(serving.port, "127.0.0.1", login)).toContain("401");
  expect(await sent(serving.port, "127.0.0.3", login)).toContain("401");
  expect(await sent(serving.port, "127.0.0.3", header, login)).toContain("400");
  expect(await sent(serving.port, "127.0.0.1", "PROXY TCP4 nonsense\r\n", login)).toBe("");
  await serving.process.logged(
    /connection refused address=127.0.0.1 reason=.*invalid PROXY header/,
  );
  const found = await addresses(serving);
  expect(found.toSorted()).toEqual(["127.0.0.1", "127.0.0.3", "192.0.2.7", "2001:db8::7"]);
});

const hosts = TwoHosts.make();
afterAll(() => hosts?.[Symbol.dispose]());

test.skipIf(hosts === undefined)("a balancer on another host must send the header", async () => {
  const [here = [], there = []] = [hosts?.on(0), hosts?.on(1)];
  using dataDir = temporaryDir();
  const trusted = ["--proxy-protocol", "--trusted-proxy", "10.77.0.2", "--host", "10.77.0.1"];
  const command = [...here, ...wsctlCommand("binary")];
  const args = [...trusted, "--insecure-plaintext"];
  await using serving = await startServe({ dataDir, command, args });
  const get = (...more: string[]) => {
    const words = ["curl", "-s", "-m", "5", ...more, `http://10.77.0.1:${serving.port}/healthz`];
    const [file = "", ...rest] = [...there, ...words];
    return spawnSync(file, rest, { encoding: "utf8" }).stdout;
  };
  expect(get("--haproxy-protocol")).toContain('"status":"ok"');
  expect(get()).toBe("");
  await serving.process.logged(/connection refused address=10.77.0.2 reason=.*no PROXY header/);
});

test("clients that keep their side open after the answer take no descriptors", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir, args: balancer });
  const descriptors = () => readdirSync(`/proc/${serving.process.pid}/fd`).length;
  const before = descriptors();
  const sockets = Array.from({ length: 20 }, () =>
    connect({ host: "127.0.0.1", port: serving.port, allowHalfOpen: true }).resume(),
  );
  const ended = sockets.map((socket) => new Promise((resolve) => socket.once("end", resolve)));
  for (const socket of sockets) socket.write(failedLogin(serving, "a"));
  await Promise.all(ended);
  while (descriptors() > before + 2) await Bun.sleep(100);
  for (const socket of sockets) socket.destroy();
});

test("--proxy-protocol needs the addresses of the balancers", async () => {
  using dataDir = temporaryDir();
  const words = ["serve", "--port", "0", "--data-dir", `${dataDir}`, "--proxy-protocol"];
  const { code, stderr } = await wsctl(words);
  expect(stderr).toContain("Flag --proxy-protocol needs --trusted-proxy ADDRESS");
  expect(code).toBe(2);
});

test.skipIf(missingProxies.includes("haproxy"))(
  "agents and operators work behind HAProxy as the guide shows, and tokens are held to addresses",
  async () => {
    using dir = temporaryDir();
    const dataDir = `${dir}/serve`;
    const { port } = await planProxy();
    const url = `https://localhost:${port}`;
    const named = ["--advertise", "localhost", "--public-url", url];
    const args = [...balancer, "--tls", "on", ...named];
    await using serving = await startServe({ dataDir, args });
    const certificate = issueCertificate(`${dir}`, { names: "DNS:localhost" });
    const options = { name: "haproxy-tcp", port, upstream: serving.port } as const;
    await using _haproxy = await startProxy({ ...options, certificate, dir: `${dir}` });
    const made = await wsctl(["tokens", "create", "--join", "--data-dir", dataDir]);
    const joining = made.stdout.trim();
    await using agent = startAgent({
      ...{ dataDir: `${dir}/agent`, id: "web-1", args: ["--join", joining] },
    });
    await agent.logged(/ connected/);
    const env = { WSCTL_TOKEN: adminToken(dataDir) };
    const reached = ["--server", url, "--ca", `${dataDir}/tls/ca.pem`];
    const sent = await wsctl(["send", "ping", "--all", ...reached], { env });
    expect(sent.stdout).toContain("success");
    const bind = ["--role", "viewer", "--allow-from", "127.0.0.9", "--data-dir", dataDir];
    const bearer = `Authorization: Bearer ${(await wsctl(["tokens", "create", ...bind])).stdout.trim()}`;
    const status = (from: string) => {
      const own = ["--interface", from, "-o", "/dev/null", "-w", "%{http_code}", "-H", bearer];
      const words = ["-s", "--cacert", `${dataDir}/tls/ca.pem`, ...own, `${url}/api/v1/agents`];
      return spawnSync("curl", words, { encoding: "utf8" }).stdout;
    };
    expect([status("127.0.0.9"), status("127.0.0.8")]).toEqual(["200", "401"]);
  },
);
