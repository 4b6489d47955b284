/** Units for systemd, as it would read them. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectRefusal } from "../../support/processes/cli.ts";
import { temporaryDir, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!hasSystemd) process.stderr.write("units are not judged here: systemd-analyze is missing\n");

test("a unit starts the binary with the flags it was given, each as one word", async () => {
  const flags = "--host 0.0.0.0 --advertise hub.example";
  const print = ["service", "print", "serve", "--program", "/opt/wsctl"];
  const unit = await wsctl([...print, "--", ...flags.split(" ")]);
  expect(unit.code).toBe(0);
  expect(unit.stdout).toContain(`ExecStart=/opt/wsctl serve ${flags}\n`);
  const own = await wsctl(["service", "print", "agent"]);
  expect(own.stdout).toContain(`ExecStart=${wsctlCommand("binary")[0]} agent\n`);
  expect(own.stdout).toContain("KillMode=process");
  const patterns = ["--allow-exec", "systemctl status **", "--label", "team=web"];
  const quoted = await wsctl(["service", "print", "agent", "--", ...patterns]);
  expect(quoted.stdout).toContain('agent --allow-exec "systemctl status **" --label team=web\n');
});

test("no secret gets into a unit, which every user can read", async () => {
  const flags = ["--", "--join", "wsj1.abc"];
  expectRefusal(await wsctl(["service", "print", "agent", ...flags]), 2, /contains a secret/);
  expectRefusal(await wsctl(["service", "print", "relay"]), 2, /expected serve or agent/);
  const relative = ["service", "print", "serve", "--program", "wsctl"];
  expectRefusal(await wsctl(relative), 2, /absolute path/);
});

test("flags are checked, and their paths do not depend on a directory", async () => {
  expectRefusal(await wsctl(["service", "print", "serve", "--", "--port", "99999"]), 2, /--port/);
  expectRefusal(await wsctl(["service", "print", "serve", "--", "--prot=1"]), 2, /--port\?/);
  expectRefusal(await wsctl(["service", "print", "agent", "--", "--label", "x"]), 2, /KEY=VALUE/);
  const stdin = ["service", "print", "agent", "--", "--join", "-"];
  expectRefusal(await wsctl(stdin), 2, /no standard input/);
  const join = ["service", "print", "agent", "--", "--join", "@key", "--data-dir=state"];
  const unit = await wsctl(join, { cwd: "/opt" });
  expect(unit.stdout).toContain("agent --join @/opt/key --data-dir /opt/state\n");
});

test("the control plane gets files of root as credentials, and a low port by capability", async () => {
  const flags = ["--host", "0.0.0.0", "--port", "443", "--tls-cert", "/x/c.pem", "--tls-key=k.pem"];
  const { stdout } = await wsctl(["service", "print", "serve", "--", ...flags], { cwd: "/opt" });
  const dir = `\${CREDENTIALS_DIRECTORY}`;
  expect(stdout).toContain(`--tls-cert ${dir}/tls-cert --tls-key ${dir}/tls-key\n`);
  expect(stdout).toContain("LoadCredential=tls-cert:/x/c.pem\nLoadCredential=tls-key:/opt/k.pem\n");
  expect(stdout).toContain("AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  expect(stdout).not.toContain("PrivateUsers");
});

test("the agent's unit restricts nothing that its programs would inherit", async () => {
  const { stdout } = await wsctl(["service", "print", "agent"]);
  expect(stdout).not.toMatch(/UMask|SystemCall|Protect|Restrict|Lock|Private|NoNewPrivileges/);
});

test.skipIf(!hasSystemd)("the control plane's unit is valid, and exposes little", async () => {
  using dir = temporaryDir();
  const program = join(dir, "wsctl");
  copyFileSync(wsctlCommand("binary")[0] ?? "", program);
  const path = join(dir, "wsctl-serve.service");
  writeFileSync(path, (await wsctl(["service", "print", "serve", "--program", program])).stdout);
  const verified = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
  expect(verified.stderr.split("\n").filter((line) => line.includes("wsctl-serve"))).toEqual([]);
  const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--no-pager", path], {
    encoding: "utf8",
  });
  const [, level] = /exposure level for \S+: (\d+\.\d+)/.exec(judged.stdout) ?? [];
  expect(Number(level)).toBeLessThan(2.5);
});

test.skipIf(existsSync("/run/systemd/system"))(
  "service install writes nothing where systemd does not run",
  async () => {
    const refused = await wsctl(["service", "install", "agent"]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("systemd does not run on this host"),
    });
    expect(existsSync("/etc/systemd/system/wsctl-agent.service")).toBe(false);
  },
);
