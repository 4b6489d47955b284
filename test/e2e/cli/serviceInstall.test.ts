/** `wsctl service install` under a real systemd: success is reported for what runs. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { basename } from "node:path";
import { wsctlCommand } from "../../support/processes/processes.ts";
import { SystemdHost } from "../../support/processes/systemd.ts";

setDefaultTimeout(60_000);

const [binary = ""] = wsctlCommand("binary");
const booted = await SystemdHost.boot(binary);
if (booted === undefined) process.stderr.write("services are not installed here: no systemd\n");

describe.skipIf(booted === undefined)("under systemd", () => {
  const host = booted as SystemdHost;
  const wsctl = (words: string) => host.run(`/mnt/${basename(binary)} ${words}`);
  const pid = (unit: string) => host.run(`systemctl show -P MainPID ${unit}`).stdout.trim();
  const atControl = "--server http://127.0.0.1:7420 --token-file /root/token --id s1";
  const exec = (script: string) => {
    const params = JSON.stringify({ argv: ["sh", "-c", script] }).replaceAll("'", "'\\''");
    const words = `send exec --agent s1 --ttl 60s --data-dir /var/lib/wsctl --params '${params}'`;
    return wsctl(words).stdout;
  };

  beforeAll(() => {
    const installed = wsctl("service install serve");
    expect(installed.stderr).toMatch(/^Running as process \d+: systemctl status wsctl-serve/);
    expect(installed.code).toBe(0);
    const unit = "[Service]\\nRestart=on-failure\\nExecStart=/bin/sh -c 'sleep 0.6; exit 3'\\n";
    host.run(`printf "${unit}" > /etc/systemd/system/bad.service; systemctl daemon-reload`);
    const services = "/etc/wsctl/services.d";
    host.run(`mkdir -p ${services}; echo 'unit = "bad"' > ${services}/bad.toml`);
    const create = "tokens create --agent s1 --data-dir /var/lib/wsctl";
    expect(wsctl(`${create} > /root/token && chmod 600 /root/token`).code).toBe(0);
  });
  afterAll(async () => {
    await booted?.[Symbol.asyncDispose]();
  });

  test("invalid flags are refused before the unit is written", () => {
    const refused = wsctl("service install agent -- --max-runing 3");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--max-running?") });
    const missing = wsctl("service install agent -- --token-file /nowhere");
    expect(missing.stderr).toContain('Flag --token-file: cannot read "/nowhere"');
    expect(host.run("ls /etc/systemd/system/wsctl-agent.service").code).not.toBe(0);
  });

  test("a process with other flags is replaced, one with the same flags is not", () => {
    expect(wsctl(`service install agent -- ${atControl} --allow-exec 'df *'`).code).toBe(0);
    const first = pid("wsctl-agent");
    expect(wsctl(`service install agent -- ${atControl} --allow-exec 'df *'`).code).toBe(0);
    expect(pid("wsctl-agent")).toBe(first);
    expect(wsctl(`service install agent -- ${atControl} --allow-exec '**'`).code).toBe(0);
    const second = pid("wsctl-agent");
    expect(second).not.toBe(first);
    const words = host.run(`tr '\\0' '\\n' < /proc/${second}/cmdline`).stdout.split("\n");
    expect(words).toContain("**");
  });

  test("programs inherit no umask, seccomp filter or device rule of the unit", () => {
    const said = exec(
      "umask; grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | tr '\\t' ' '; ls /dev/null",
    );
    expect(said).toContain("[s1] 0022\n");
    expect(said).toMatch(/Seccomp:\s+0\n/);
    expect(said).toMatch(/NoNewPrivs:\s+0\n/);
  });

  test("a port below 1024 can be used", () => {
    expect(wsctl("service install serve -- --host 127.0.0.1 --port 443").code).toBe(0);
    expect(wsctl("agents list --data-dir /var/lib/wsctl").code).toBe(0);
    expect(wsctl("service install serve").code).toBe(0);
  });

  test("a process that ends is not reported as running, and its log is shown", () => {
    const failed = wsctl("service install serve -- --host 10.99.0.1 --insecure-plaintext");
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toContain('Cannot start "wsctl-serve.service": its process ended');
    expect(failed.stderr).toContain("no interface of this host has the address");
    expect(wsctl("service install serve").code).toBe(0);
  });

  test("a service whose process ends after a restart is a failure", () => {
    const params = "--param service=bad --agent s1 --ttl 60s --data-dir /var/lib/wsctl";
    const sent = wsctl(`send restart ${params}`);
    expect(sent.stderr + sent.stdout).toContain("s1  failed");
    expect(sent.stdout).toContain("bad.service");
  });

  test("uninstall stops the process, removes the unit, and leaves the data", () => {
    expect(wsctl(`service install agent -- ${atControl}`).code).toBe(0);
    const before = pid("wsctl-agent");
    const removed = wsctl("service uninstall agent");
    expect(removed).toMatchObject({
      code: 0,
      stdout: "removed /etc/systemd/system/wsctl-agent.service\n",
    });
    expect(host.run(`kill -0 ${before}`).code).not.toBe(0);
    expect(host.run("systemctl cat wsctl-agent").code).not.toBe(0);
    expect(host.run("ls /var/lib/wsctl-agent/agents").code).toBe(0);
    const again = wsctl("service uninstall agent");
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("does not exist") });
  });
});
