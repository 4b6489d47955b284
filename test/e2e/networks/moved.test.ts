/** An agent that has joined follows its control plane to another address. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { closedPort, jsonLines } from "../../support/processes/cli.ts";
import {
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("agents store the address of a move, and use it when the old one no longer answers", async () => {
  using dataDir = temporaryDir();
  using host = temporaryDir();
  const port = await closedPort();
  const next = `https://127.0.0.1:${port}`;
  const run = (...words: string[]) => wsctl([...words, "--data-dir", `${dataDir}`]);
  const agent = (...args: string[]) => {
    const own = ["--data-dir", `${host}`, "--id", "web-1", "--heartbeat", "1s"];
    return new Running([...wsctlCommand("binary"), "agent", ...own, ...args]);
  };
  const first = await startServe({ dataDir, args: ["--tls", "on"] });
  const made = await run("tokens", "create", "--join");
  await using joined = agent("--join", made.stdout.trim());
  await joined.logged(/ connected$/);
  const move = (to: string, ...args: string[]) =>
    run("agents", "move", "--to", to, "--all", "--json", ...args);
  const told = jsonLines<OutcomeLine>(await move(`${next}/`));
  expect(told).toMatchObject([
    {
      outcome: "success",
      message: expect.stringMatching(/^stored; it does not answer yet: /),
      result: { answers: false },
    },
  ]);
  expect(jsonLines<OutcomeLine>(await move(first.url))).toMatchObject([
    { message: "stored; it answers", result: { answers: true } },
  ]);
  await move(next);
  const less = jsonLines<OutcomeLine>(await move("http://127.0.0.1:1"));
  expect(less).toMatchObject([
    { outcome: "failed", message: expect.stringContaining("this agent uses https: only") },
  ]);
  // The old address works, so the agent stays.
  expect(joined.lines.join("\n")).not.toContain("trying another");
  await first[Symbol.asyncDispose]();
  const second = await startServe({ dataDir, port, args: ["--tls", "on"] });
  expect(second.url).toBe(next);
  expect(await run("send", "ping", "--agent", "web-1")).toMatchObject({ code: 0 });
  expect(joined.lines.join("\n")).toContain(`trying another address server=${next}`);
  await joined.stop();
  await using later = agent();
  await later.logged(/ connected$/);
  await second[Symbol.asyncDispose]();
});

test("only an admin may move agents, and the address must be one", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const made = await wsctl(["tokens", "create", "--role", "operator", "--data-dir", `${dataDir}`]);
  const move = (to: string) => {
    const words = ["agents", "move", "--to", to, "--all", "--server", serving.url];
    return wsctl([...words, "--data-dir", "/nowhere"], {
      env: { WSCTL_TOKEN: made.stdout.trim() },
    });
  };
  const refused = await move("https://new.example");
  expect(refused.stderr).toContain('Token may not run "move_agent": it needs an admin token');
  expect(refused.code).not.toBe(0);
  for (const wrong of ["new.example", "https://new.example/path", "ftp://new.example"]) {
    const { code, stderr } = await move(wrong);
    expect(stderr).toContain(`Flag --to is "${wrong}": expected https://HOST[:PORT]`);
    expect(code).toBe(2);
  }
});

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
