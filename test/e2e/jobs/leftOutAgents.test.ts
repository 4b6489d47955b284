/** Agents that cannot take a job are named at once, and no command waits for them by surprise. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  connectedAgent,
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { written } from "../../support/processes/programs.ts";

setDefaultTimeout(60_000);

test("send --all skips and names revoked agents, and refuses a revoked agent by name", async () => {
  using dir = temporaryDir();
  await using _ = await startServe({ dataDir: dir });
  await using __ = await connectedAgent({ dataDir: dir, id: "web-1" });
  await using ___ = await connectedAgent({ dataDir: dir, id: "web-2" });
  const run = (...args: string[]) => wsctl([...args, "--data-dir", `${dir}`]);
  expect((await run("agents", "revoke", "web-2")).code).toBe(0);
  const all = await run("send", "ping", "--all");
  expect(all).toMatchObject({ code: 0 });
  expect(all.stderr).toContain("Skipped (revoked): web-2");
  const named = await run("send", "ping", "--agent", "web-2");
  expect(named.code).toBe(1);
  expect(named.stderr).toContain('Cannot send to "web-2": without a valid credential');
});

test("send stops waiting for offline agents after 30 s, and the job stays queued for them", async () => {
  using dir = temporaryDir();
  await using _ = await startServe({ dataDir: dir, args: ["--heartbeat", "1s"] });
  await using __ = await connectedAgent({ dataDir: dir, id: "web-1" });
  const away = await connectedAgent({ dataDir: dir, id: "web-2" });
  await away.stop();
  const allowed = ["--allow-exec", "sh -c **"];
  await using cut = await connectedAgent({ dataDir: dir, id: "web-3", args: allowed });
  const run = (...args: string[]) => wsctl([...args, "--data-dir", `${dir}`]);
  const [began, go] = [join(dir, "began"), join(dir, "go")];
  const script = `echo > ${began}; until [ -e ${go} ]; do sleep 0.1; done`;
  await using cutOff = new Running([
    ...[...wsctlCommand("binary"), "exec", "--agent", "web-3", "--timeout", "5m"],
    ...["--data-dir", `${dir}`, "--", "sh", "-c", script],
  ]);
  await written(began);
  cut.signal("SIGSTOP");
  const sent = await run("send", "ping", "--agent", "web-1,web-2");
  expect(sent.code).toBe(1);
  expect(sent.stdout).toContain("web-1  success  pong");
  expect(sent.stderr).toContain("Waiting up to 30s for offline agents: web-2");
  expect(sent.stderr).toContain("Still offline: web-2. The job stays queued for them for 1h");
  const [, jobId = ""] = /wsctl jobs watch (\S+)/.exec(sent.stderr) ?? [];
  await using ___ = await connectedAgent({ dataDir: dir, id: "web-2" });
  expect((await run("jobs", "watch", jobId)).code).toBe(0);
  // A request that an agent may run is waited for.
  await cutOff.logged(/^Offline while the command runs: web-3. Waiting for the outcome$/);
  writeFileSync(go, "");
  cut.signal("SIGCONT");
  await cutOff.logged(/^web-3 {2}success/);
  expect(await cutOff.exited).toBe(0);
});

test("a command that no agent of the target has is refused before it waits for an offline one", async () => {
  using dir = temporaryDir();
  await using _ = await startServe({ dataDir: dir });
  await using __ = await connectedAgent({ dataDir: dir, id: "web-1" });
  const away = await connectedAgent({ dataDir: dir, id: "web-2" });
  const send = (...args: string[]) => wsctl(["send", "pnig", ...args, "--data-dir", `${dir}`]);
  const answered = await send("--all");
  expect(answered.code).toBe(1);
  expect(answered.stdout).toContain("'pnig' is not recognized. Did you mean 'ping'?");
  await away.stop();
  const refused = await send("--all");
  expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: "" });
  expect(refused.stderr).toStartWith(
    'wsctl: Cannot accept the job: no selected agent has the command "pnig". Did you mean "ping"?',
  );
  const forced = await send("--agent", "web-2", "--force", "--ttl", "1s");
  expect(forced.stdout).toContain("web-2  expired");
});

test("a schedule of a command that no selected agent has is refused, unless it is forced", async () => {
  using dir = temporaryDir();
  await using _ = await startServe({ dataDir: dir });
  await using __ = await connectedAgent({ dataDir: dir, id: "web-1" });
  const create = (...args: string[]) =>
    wsctl(["schedules", "create", "x", "pnig", "--every", "1h", ...args, "--data-dir", `${dir}`]);
  const refused = await create("--all");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    'no selected agent has the command "pnig". Did you mean "ping"?',
  );
  expect((await create("--all", "--force")).code).toBe(0);
});

test("words that send does not take are an error, also beside -h", async () => {
  const sent = await wsctl(["send", "exec", "df", "-h", "--all"]);
  expect(sent.code).toBe(2);
  expect(sent.stderr).toContain("wsctl exec --all -- PROGRAM");
});
