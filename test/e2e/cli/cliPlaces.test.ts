/** The binary in strange places: hostile directories, an empty home, files that are not its own. */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { writeNewerFormat } from "../../../cmd/agent/plantedFault.ts";
import { expectRefusal } from "../../support/processes/cli.ts";
import {
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const [binary = ""] = wsctlCommand("binary");

test("settings and code that lie in the working directory are not taken up", async () => {
  using cwd = temporaryDir();
  using dataDir = temporaryDir();
  const marker = join(`${cwd}`, "was-run");
  writeFileSync(join(`${cwd}`, "evil.ts"), `await Bun.write(${JSON.stringify(marker)}, "");`);
  writeFileSync(join(`${cwd}`, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
  for (const name of [".env", ".env.local", ".env.production", ".env.development"]) {
    writeFileSync(join(`${cwd}`, name), "WSCTL_SERVER=http://127.0.0.1:1\nWSCTL_PORT=nonsense\n");
  }
  const inThere = { cwd: `${cwd}`, env: { WSCTL_DATA_DIR: `${dataDir}` } };
  await using serving = new Running([binary, "serve", "--port", "0"], inThere);
  await serving.logged(/serving on/);
  await using agent = new Running([binary, "agent", "--id", "web-1"], inThere);
  await agent.logged(/connected/);
  const sent = await wsctl(["send", "ping", "--agent", "web-1"], inThere);
  expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
  expect(existsSync(marker)).toBe(false);
  // The trap works: Bun itself falls into it.
  writeFileSync(join(`${cwd}`, "innocent.ts"), "");
  const [bun = ""] = wsctlCommand("bun");
  await new Running([bun, "run", "innocent.ts"], inThere).exited;
  expect(existsSync(marker)).toBe(true);
});

test("the binary alone in an empty directory, with an empty home, is enough", async () => {
  using dir = temporaryDir();
  const home = join(`${dir}`, "home");
  const own = join(`${dir}`, "wsctl");
  mkdirSync(home);
  copyFileSync(binary, own);
  const dataDir = join(home, "data");
  const options = { cwd: `${dir}`, env: { HOME: home, PATH: "/nowhere", WSCTL_DATA_DIR: dataDir } };
  await using agent = new Running([own, "agent", "--id", "alone"], options);
  await agent.logged(/waiting for the control plane on this host/);
  await using serving = new Running([own, "serve", "--port", "0"], options);
  await serving.logged(/serving on/);
  await agent.logged(/connected/);
  const sending = new Running([own, "send", "ping", "--agent", "alone"], options);
  expect(await sending.exited).toBe(0);
  await sending.logged(/alone {2}success {2}pong/);
  for (const file of ["local.json", "index.db", "log/head", "log", "agents/alone/token.json"]) {
    expect(statSync(join(dataDir, file)).mode & 0o077).toBe(0);
  }
});

test("a data directory in use by another control plane is refused", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const second = await wsctl(["serve", "--port", "0", "--data-dir", `${dataDir}`]);
  expectRefusal(second, 1, /another process uses it\. Stop that process, or specify another/);
  expect(serving.process.hasExited).toBe(false);
  expect((await wsctl(["agents", "--data-dir", `${dataDir}`])).code).toBe(0);
});

test("two agents of one id on one host: the second is refused", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const args = ["agent", "--id", "web-1", "--data-dir", `${dataDir}`];
  await using first = new Running([binary, ...args]);
  await first.logged(/connected/);
  expectRefusal(await wsctl(args), 1, /another process uses it/);
  expect(serving.process.lines.join("\n")).not.toContain("replaced an older connection");
});

test("a port in use is refused", async () => {
  using dataDir = temporaryDir();
  const server = createServer().listen(0, "127.0.0.1");
  const { port } = server.address() as { port: number };
  const args = ["serve", "--port", String(port), "--data-dir", `${dataDir}`];
  expectRefusal(await wsctl(args), 3, new RegExp(`Cannot listen on 127.0.0.1:${port}`));
  server.close();
});

for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.test"]) {
  test(`--host ${host} without TLS is refused`, async () => {
    using dataDir = temporaryDir();
    const at = ["--port", "0", "--data-dir", `${dataDir}`];
    const args = ["serve", "--host", host, "--tls", "off", ...at];
    expectRefusal(await wsctl(args), 2, /without TLS: remove --tls off/);
    expect(existsSync(join(`${dataDir}`, "local.json"))).toBe(false);
  });
}

const foreign: readonly { name: string; make(path: string): void; says: RegExp }[] = [
  {
    name: "a file",
    make: (path) => writeFileSync(path, "this is no directory"),
    says: /Cannot open the log ".*log": .*(EEXIST|ENOTDIR)/,
  },
  {
    name: "a head of another program",
    make: (path) => {
      mkdirSync(path);
      writeFileSync(join(path, "head"), "this is no head ".repeat(100));
    },
    says: /head": it does not verify, .*Restore the log from a backup, or move/,
  },
];

for (const { name, make, says } of foreign) {
  test(`${name} where the log should be is refused, and left as it is`, async () => {
    using dataDir = temporaryDir();
    const path = join(`${dataDir}`, "log");
    make(path);
    const file = statSync(path).isFile() ? path : join(path, "head");
    const before = readFileSync(file);
    expectRefusal(await wsctl(["serve", "--port", "0", "--data-dir", `${dataDir}`]), 1, says);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(join(`${dataDir}`, "local.json"))).toBe(false);
  });
}

test("a log written by a newer version is refused, and left as it is", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  await serving.process.stop();
  const path = join(`${dataDir}`, "log", "0000000000000001.log");
  writeNewerFormat(join(`${dataDir}`, "log"));
  const before = readFileSync(path);
  const finished = await wsctl(["serve", "--port", "0", "--data-dir", `${dataDir}`]);
  expectRefusal(finished, 1, /written by a newer wsctl \(format 1000/);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("an agent that names its own host's control plane needs no token either", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const server = serving.url.replace("http", "ws");
  const words = ["agent", "--id", "here", "--server", server, "--data-dir", `${dataDir}`];
  await using agent = new Running([binary, ...words]);
  await agent.logged(/ connected/);
  const sent = await wsctl(["send", "ping", "--agent", "here", "--data-dir", `${dataDir}`]);
  expect(sent.code).toBe(0);
});
