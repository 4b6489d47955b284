/** An agent that has joined follows its control plane to another address. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("an agent with --server finds its control plane at a new address, and stores it when it works", async () => {
  using dataDir = temporaryDir();
  using host = temporaryDir();
  const serve = () => startServe({ dataDir, args: ["--tls", "on"] });
  const agent = (...args: string[]) => {
    const own = ["--data-dir", `${host}`, "--id", "web-1", "--heartbeat", "1s"];
    return new Running([...wsctlCommand("binary"), "agent", ...own, ...args]);
  };
  const identity = () => {
    const text = readFileSync(join(host, "agents", "web-1", "identity.json"), "utf8");
    return (JSON.parse(text) as { url: string }).url;
  };
  const first = await serve();
  const made = await wsctl(["tokens", "create", "--join", "--data-dir", `${dataDir}`]);
  const joined = agent("--join", made.stdout.trim());
  await joined.logged(/ connected$/);
  await joined.stop();
  const before = identity();
  await first[Symbol.asyncDispose]();
  await using second = await serve();
  expect(second.url).not.toBe(before);
  const wrong = agent("--server", "https://127.0.0.1:9");
  await wrong.logged(/WARN|ERROR/);
  await wrong.stop();
  expect(identity()).toBe(before);
  const moved = agent("--server", second.url);
  await moved.logged(/address of the control plane stored/);
  await moved.stop();
  expect(identity()).toBe(second.url);
  const later = agent();
  await later.logged(/ connected$/);
  await later.stop();
});
