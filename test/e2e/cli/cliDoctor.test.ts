/** What `wsctl doctor` says of a way that works, and of each that does not. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:http";
import type { Check } from "../../../lib/client/diagnose.ts";
import { closedPort, jsonLines } from "../../support/processes/cli.ts";
import {
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";
import { issueCertificate } from "../../support/servers/testCa.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
let serving: Serving;

beforeAll(async () => {
  serving = await startServe({ dataDir });
});
afterAll(async () => {
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

/** From a host that knows nothing by itself. */
async function doctor(server: string, token = "anything") {
  using empty = temporaryDir();
  const env = { WSCTL_TOKEN: token, WSCTL_DATA_DIR: `${empty}` };
  const finished = await wsctl(["doctor", "--server", server, "--json"], { env });
  const checks = jsonLines<Check>(finished);
  expect(finished.stderr).toBe("");
  // All behind the first failure are not even tried, but for those that do not depend on it.
  const failed = checks.filter((check) => !check.ok);
  return { code: finished.code, names: checks.map((check) => check.name), failed };
}

test("doctor: reports no fault for a working connection", async () => {
  const { code, stdout, stderr } = await wsctl(["doctor", "--data-dir", `${dataDir}`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const name of ["address", "tcp", "control plane", "upgrade", "token", "clock"]) {
    expect(stdout).toContain(`ok    ${name}: `);
  }
  expect(stdout).not.toContain("FAIL");
});

test("doctor: accepts the token of an agent", async () => {
  const make = ["tokens", "create", "--agent", "web-1", "--data-dir", `${dataDir}`];
  const { code, failed } = await doctor(serving.url, (await wsctl(make)).stdout.trim());
  expect({ code, failed }).toEqual({ code: 0, failed: [] });
});

test("doctor: reports a port on which nothing listens", async () => {
  const { code, failed } = await doctor(`ws://127.0.0.1:${await closedPort()}`);
  expect(code).toBe(3);
  expect(failed).toMatchObject([{ name: "tcp" }]);
  expect(failed[0]?.fix).toContain('Start "wsctl serve"');
});

test("doctor: reports an unknown host name", async () => {
  const { code, names, failed } = await doctor("http://no-such-host.invalid:7420");
  expect(code).toBe(3);
  expect(names).toEqual(["address", "dns"]);
  expect(failed[0]?.text).toContain("no-such-host.invalid");
  expect(failed[0]?.fix).toContain("DNS");
});

test("something else listens there", async () => {
  const server = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
  const { port } = server.address() as { port: number };
  const { code, failed } = await doctor(`http://127.0.0.1:${port}`);
  expect(code).toBe(3);
  expect(failed).toMatchObject([{ name: "control plane" }]);
  server.close();
});

test("doctor: reports a wrong token", async () => {
  const { code, failed } = await doctor(serving.url, "wrong");
  expect(code).toBe(4);
  expect(failed).toMatchObject([{ name: "token" }]);
  expect(failed[0]?.fix).toContain("wsctl tokens create");
});

test("TLS is spoken to a port that has none", async () => {
  const { code, failed } = await doctor(serving.url.replace("http", "https"));
  expect(code).toBe(3);
  expect(failed).toMatchObject([{ name: "tls" }]);
  expect(failed[0]?.text).toContain("does not speak TLS");
  expect(failed[0]?.fix).toContain("Use ws://");
});

test("doctor: advises https:// for the http:// address of a server with TLS", async () => {
  using dir = temporaryDir();
  await using encrypted = await startServe({ dataDir: dir, args: ["--tls", "on"] });
  const { failed } = await doctor(encrypted.url.replace("https:", "http:"));
  expect(failed[0]).toMatchObject({
    name: "control plane",
    fix: "Use https://, if the server uses TLS",
  });
});

test("doctor: says that a certificate is for other names, and does not advise plaintext", async () => {
  using dir = temporaryDir();
  const { cert, key, ca } = issueCertificate(dir, { names: "IP:127.0.0.1" });
  const args = ["--tls", "on", "--tls-cert", cert, "--tls-key", key];
  await using encrypted = await startServe({ dataDir: dir, args });
  using empty = temporaryDir();
  const server = `https://localhost:${encrypted.port}`;
  const env = { WSCTL_TOKEN: "x", WSCTL_DATA_DIR: `${empty}` };
  const { stdout } = await wsctl(["doctor", "--server", server, "--ca", ca], { env });
  expect(stdout).toContain("the certificate is for other names");
  expect(stdout).not.toContain("does not speak TLS");
});
