/** How the output of programs is shown: tabs, progress bars, open lines, and digits that JSON loses. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { atTerminal } from "../../support/processes/terminal.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
let serving: Serving;
let agent: Running;

beforeAll(async () => {
  serving = await startServe({ dataDir });
  agent = await connectedAgent({ dataDir, id: "web-1", args: ["--allow-exec", "**"] });
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

const params = (script: string) => JSON.stringify({ argv: ["sh", "-c", script] });
const words = (script: string, ...more: string[]) => [
  ...["send", "exec", "--agent", "web-1", "--ttl", "20s", "--params", params(script), ...more],
];
const send = (script: string, ...more: string[]) =>
  wsctl([...words(script, ...more), "--data-dir", `${dataDir}`]);

test("a tab is a tab in every format but a table", async () => {
  const script = "printf '4.0K\\t/tmp\\n'";
  expect((await send(script)).stdout).toContain("[web-1] 4.0K\t/tmp\n");
  expect((await send(script, "--no-stream-output")).stdout).toContain("4.0K\t/tmp");
  expect((await send(script, "--group-by-output")).stdout).toContain("  | 4.0K\t/tmp\n");
  expect((await send(script, "--format", "csv")).stdout).toContain(",4.0K\t/tmp,");
  expect((await send(script, "--format", "table")).stdout).toContain("  4.0K /tmp");
});

test("an open line is seen while the program waits", async () => {
  const command = [...wsctlCommand("binary"), ...words("printf 'Continue? '; read x < /dev/zero")];
  const child = Bun.spawn([...command, "--data-dir", `${dataDir}`, "--timeout", "30s"], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("[web-1] Continue? ");
  child.kill("SIGTERM");
  await child.exited;
});

test("a progress bar is a bar at a terminal, and lines in a pipe", async () => {
  const script = "printf '\\r10%%'; sleep 0.2; printf '\\r20%%\\n'";
  expect((await send(script)).stdout).toStartWith("[web-1] 10%\n[web-1] 20%\n");
  const quoted = words(script).map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const seen = await atTerminal(quoted.join(" "), { dataDir: `${dataDir}` });
  expect(seen).toContain("[web-1] 10%\r\x1b[K[web-1] 20%\r\n");
});

test("JSON whose digits would be lost stays text, as result and as parameter", async () => {
  const json = '{"zfs_guid": 9007199254740993, "max": 18446744073709551615}';
  const last = JSON.parse((await send(`echo '${json}'`, "--json")).stdout);
  expect(last).toMatchObject({ message: json, result: { exit_code: 0 } });
  const file = JSON.parse((await send(`echo '${json}' > $WSCTL_RESULT_FILE`, "--json")).stdout);
  expect(file.message).toContain(json);
  expect(file.result.result_fault).toContain("the number 9007199254740993");
  const large = '{"argv":["echo"],"n":9007199254740993}';
  const refused = await wsctl(["send", "exec", "--agent", "web-1", "--params", large]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("9007199254740993") });
  const body =
    '{"command":"ping","target":{"agents":["web-1"]},"parameters":{"n":9007199254740993}}';
  const { token } = await Bun.file(`${dataDir}/local.json`).json();
  const response = await fetch(`${serving.url}/api/v1/jobs`, {
    method: "POST",
    body,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("the number 9007199254740993");
});
