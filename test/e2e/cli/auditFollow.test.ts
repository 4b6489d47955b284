/** `wsctl audit` where the control plane is not reached, or a directory has no log. */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("audit list --follow continues after a restart of the control plane", async () => {
  using dataDir = temporaryDir();
  const first = await startServe({ dataDir });
  const words = ["audit", "list", "--follow", "--after", "0", "--data-dir", dataDir];
  await using follower = new Running([...wsctlCommand("binary"), ...words]);
  const add = () => wsctl(["tokens", "create", "--join", "--data-dir", dataDir]);
  await add();
  await follower.logged(/token\.create/);
  await first.process.stop();
  await follower.logged(/Trying again until it answers/);
  await using serving = await startServe({ dataDir, port: first.port });
  const from = follower.lines.length;
  await add();
  await follower.logged(/token\.create/, from);
  expect(follower.hasExited).toBe(false);
  expect(await serving.process.stop()).toBe(0);
});

test("a directory without a log has no audit trail", async () => {
  using dir = temporaryDir();
  for (const way of ["list", "verify", "export"]) {
    const { code, stderr } = await wsctl(["audit", way, "--journal", dir]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("it contains no log")]);
  }
});
