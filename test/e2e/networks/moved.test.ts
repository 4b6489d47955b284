/** An agent that has joined follows its control plane to another address. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { closedPort } from "../../support/processes/cli.ts";
import {
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("agents learn the address of a move while they are connected, and go there when it is time", async () => {
  using dataDir = temporaryDir();
  using host = temporaryDir();
  const port = await closedPort();
  const next = `https://127.0.0.1:${port}`;
  const agent = (...args: string[]) => {
    const own = ["--data-dir", `${host}`, "--id", "web-1", "--heartbeat", "1s"];
    return new Running([...wsctlCommand("binary"), "agent", ...own, ...args]);
  };
  const serve = (...args: string[]) => startServe({ dataDir, args: ["--tls", "on", ...args] });
  const first = await serve("--move-to", next);
  const made = await wsctl(["tokens", "create", "--join", "--data-dir", `${dataDir}`]);
  await using joined = agent("--join", made.stdout.trim());
  await joined.logged(/other addresses of the control plane stored/);
  // The old address works, so it is kept.
  expect(joined.lines.join("\n")).not.toContain("trying another");
  await first[Symbol.asyncDispose]();
  const second = await startServe({ dataDir, port, args: ["--tls", "on"] });
  expect(second.url).toBe(next);
  const sent = ["send", "ping", "--agent", "web-1", "--data-dir", `${dataDir}`];
  expect(await wsctl(sent)).toMatchObject({ code: 0 });
  expect(joined.lines.join("\n")).toContain(`trying another address server=${next}`);
  await joined.stop();
  await using later = agent();
  await later.logged(/ connected$/);
  await second[Symbol.asyncDispose]();
});

test.each([
  [["--move-to", "new.example"], /Flag --move-to is "new.example": expected https/],
  [["--move-to", "https://new.example/path"], /expected https:\/\/HOST/],
  [
    ["--move-to", "https://new.example", "--public-url", "https://old.example/fleet"],
    /--public-url with a path cannot be combined/,
  ],
])("an address of a move that agents could not use is refused (case %#)", async (args, says) => {
  using dataDir = temporaryDir();
  const serve = ["serve", "--port", "0", "--data-dir", `${dataDir}`, ...args];
  const { code, stderr } = await wsctl(serve);
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
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
