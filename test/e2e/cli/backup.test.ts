/** Backups of a control plane that serves: made, verified, encrypted and restored. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { Header } from "tar";
import { openBackup } from "../../../cmd/backup/backupFile.ts";
import { verifyBackup } from "../../../lib/control/backup/restoreBackup.ts";
import type { AuditLine } from "../../../lib/protocol/api/audit.ts";
import type { ScheduleView } from "../../../lib/protocol/api/schedules.ts";
import type { JobDetail, JobView } from "../../../lib/protocol/api/views.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import {
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("a backup of a control plane that serves is restored with its jobs, and repeats nothing", async () => {
  using dir = temporaryDir();
  await using fleet = await JoinableFleet.start();
  const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
  await agent.logged(/ connected$/);
  await fleet.run("send", "ping", "--agent", "web-1");
  await fleet.run("schedules", "create", "nightly", "ping", "--agent", "web-1", "--every", "1h");
  const soon = new Date(Date.now() + 1_000).toISOString();
  await fleet.run("schedules", "create", "soon", "info", "--agent", "web-1", "--at", soon);
  await agent.stop();
  await fleet.run("send", "info", "--agent", "web-1", "--no-wait", "--ttl", "1h");
  const jobs = jsonLines<JobView>(await fleet.run("jobs", "list", "--json"));
  const file = join(dir, "monday.wsctl");
  const created = await fleet.run("backup", "create", file);
  expect([created.code, created.stdout]).toEqual([0, expect.stringMatching(/\d+:[0-9a-f]{64}/)]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await fleet.run("backup", "create", file);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("the file exists")]);
  const verified = await wsctl(["backup", "verify", file]);
  expect(verified.stdout).toMatch(
    /^whole {2}\d+:[0-9a-f]{64} .*without the key of the certificate authority$/m,
  );

  const dataDir = join(dir, "restored");
  const restored = await wsctl(["restore", file, "--data-dir", dataDir]);
  expect(restored.code).toBe(0);
  expect(restored.stderr).toContain("1 open request ended as lost");
  expect(restored.stderr).toContain("Paused schedules: nightly, soon");
  expect(restored.stderr).toMatch(/Tokens that were revoked after 20.* are valid again/);
  await using serving = await startServe({ dataDir });
  const there = (...args: string[]) => wsctl([...args, "--data-dir", dataDir]);
  const found = jsonLines<JobView>(await there("jobs", "list", "--json"));
  expect(found.map(({ job_id }) => job_id)).toEqual(jobs.map(({ job_id }) => job_id));
  const [open] = jobs;
  const shown = await there("jobs", "show", open?.job_id ?? "", "--json");
  expect(jsonLines<JobDetail>(shown)[0]?.requests[0]).toMatchObject({
    state: "lost",
    message: expect.stringContaining("restored from a backup"),
  });
  const schedules = jsonLines<ScheduleView>(await there("schedules", "list", "--json"));
  const paused = schedules.map(({ name, paused_at, next_at }) => [name, paused_at, next_at]);
  const at = expect.stringMatching(/^20/);
  expect(paused).toEqual([
    ["nightly", at, undefined],
    ["soon", at, undefined],
  ]);
  const trail = jsonLines<AuditLine>(await there("audit", "export", "--action", "backup.restore"));
  expect(trail).toHaveLength(1);
  expect((await there("audit", "verify")).code).toBe(0);
  expect(await serving.process.stop()).toBe(0);
});

test("a backup with secrets is encrypted, and only who can decrypt it can verify and restore it", async () => {
  using dir = temporaryDir();
  await using fleet = await JoinableFleet.start();
  const key = readFileSync(join(fleet.dataDir, "tls", "ca-key.pem"), "utf8");
  const plain = await fleet.run("backup", "create", join(dir, "plain"), "--with-secrets");
  expect([plain.code, plain.stderr]).toEqual([2, expect.stringContaining("needs encryption")]);
  const passphrase = join(dir, "passphrase");
  writeFileSync(passphrase, "correct horse\n");
  const identity = await generateIdentity();
  const identityFile = join(dir, "identity");
  writeFileSync(identityFile, `# created by hand\n${identity}\n`);
  const recipient = await identityToRecipient(identity);
  const ways = [
    { make: ["--passphrase-file", passphrase], read: ["--passphrase-file", passphrase] },
    { make: ["--recipient", recipient], read: ["--identity-file", identityFile] },
  ];
  for (const [index, { make, read }] of ways.entries()) {
    const file = join(dir, `backup-${index}`);
    const made = await fleet.run("backup", "create", file, "--with-secrets", ...make);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(readFileSync(file, "latin1")).toStartWith("age-encryption.org/");
    expect(readFileSync(file, "latin1")).not.toContain("manifest.json");
    const unread = await wsctl(["backup", "verify", file]);
    expect([unread.code, unread.stderr]).toEqual([2, expect.stringContaining("it is encrypted")]);
    expect((await wsctl(["backup", "verify", file, ...read])).stdout).toContain(
      "  with the key of the certificate authority",
    );
    const dataDir = join(dir, `restored-${index}`);
    expect((await wsctl(["restore", file, "--data-dir", dataDir, ...read])).code).toBe(0);
    expect(readFileSync(join(dataDir, "tls", "ca-key.pem"), "utf8")).toBe(key);
    expect(existsSync(join(dataDir, "manifest.json"))).toBe(false);
  }
  const archive = await openBackup(join(dir, "backup-0"), { "passphrase-file": passphrase });
  expect((await verifyBackup(archive, join(dir, "check"))).has_secrets).toBe(true);
  // The key is verified, and is not written where nobody needs it.
  expect(readFileSync(join(dir, "check", "tls", "ca-key.pem"), "utf8")).toBe("");
  writeFileSync(passphrase, "wrong\n");
  const wrong = await wsctl([
    "backup",
    "verify",
    join(dir, "backup-0"),
    "--passphrase-file",
    passphrase,
  ]);
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining("Cannot decrypt the backup"),
  ]);
});

test("a damaged backup, a foreign file and a full directory are refused by name", async () => {
  using dir = temporaryDir();
  await using fleet = await JoinableFleet.start();
  const file = join(dir, "backup");
  expect((await fleet.run("backup", "create", file)).code).toBe(0);
  const whole = readFileSync(file);
  const refusal = async (bytes: Buffer) => {
    const damaged = join(dir, "damaged");
    writeFileSync(damaged, bytes);
    const verified = await wsctl(["backup", "verify", damaged]);
    const target = join(dir, "target");
    const restored = await wsctl(["restore", damaged, "--data-dir", target]);
    expect([verified.code === 0, restored.code === 0, existsSync(target)]).toEqual([
      false,
      false,
      false,
    ]);
    return verified.stderr;
  };
  for (const at of [100, 600, 2_000, Math.floor(whole.length / 2), whole.length - 2_000]) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    if (bytes[at] === 1) continue; // Padding says nothing.
    expect(await refusal(bytes)).toMatch(/Cannot use/);
  }
  expect(await refusal(whole.subarray(0, whole.length / 2))).toMatch(/Cannot use/);
  const link = encodeHeader({ path: "tls/ca.pem", type: "SymbolicLink", linkpath: "/etc/passwd" });
  expect(await refusal(Buffer.concat([link, whole]))).toContain('it contains "tls/ca.pem"');
  const unlisted = encodeHeader({ path: "tls/ca-key.pem", type: "File", size: 0 });
  expect(await refusal(Buffer.concat([unlisted, whole]))).toContain(
    'SHA256SUMS lacks the file "tls/ca-key.pem"',
  );
  const nowhere = await fleet.run("backup", "create", join(dir, "nowhere", "backup"));
  expect([nowhere.code, nowhere.stderr]).toEqual([
    2,
    expect.stringContaining("the directory does not exist"),
  ]);
  const folder = await wsctl(["backup", "verify", dir]);
  expect([folder.code, folder.stderr]).toEqual([2, expect.stringContaining("it is not a file")]);
  expect(readdirSync(dir).filter((name) => name.startsWith("."))).toEqual([]);
  expect(await refusal(Buffer.from("this is no backup ".repeat(100)))).toMatch(
    /Cannot use the backup/,
  );
  const missing = await wsctl(["backup", "verify", join(dir, "none")]);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("does not exist")]);
  const full = await wsctl(["restore", file, "--data-dir", fleet.dataDir]);
  expect([full.code, full.stderr]).toEqual([2, expect.stringContaining("it is not empty")]);
});

test.skipIf(process.getuid?.() !== 0)(
  "a backup is restored to a data directory that is a file system of its own",
  async () => {
    using dir = temporaryDir();
    await using fleet = await JoinableFleet.start();
    const file = join(dir, "backup");
    await fleet.run("backup", "create", file);
    const target = join(dir, "volume");
    mkdirSync(target);
    const script = 'mount -t tmpfs tmpfs "$2" && "$0" restore "$1" --data-dir "$2" && ls -A "$2"';
    const [program = ""] = wsctlCommand("binary");
    const done = spawnSync("unshare", ["-m", "sh", "-c", script, program, file, target]);
    expect(done.stdout.toString().split("\n")).toContain("log");
    expect(done.status).toBe(0);
  },
);

test("a control plane does not start where a restore did not finish", async () => {
  using dir = temporaryDir();
  mkdirSync(join(dir, ".restore-abc"));
  const served = await wsctl(["serve", "--port", "0", "--data-dir", `${dir}`]);
  expect(served.stderr).toContain("a restore to it did not finish. Delete what is in it");
  expect(served.code).toBe(2);
});

test("only an administrator can make a backup", async () => {
  using dir = temporaryDir();
  await using fleet = await JoinableFleet.start();
  for (const role of ["viewer", "operator"]) {
    const token = await fleet.newToken("--role", role);
    const made = await fleet.runAs(token, "backup", "create", join(dir, role));
    expect(made.code).not.toBe(0);
    expect(made.stderr).toContain("admin");
    expect(existsSync(join(dir, role))).toBe(false);
  }
});

function encodeHeader(data: ConstructorParameters<typeof Header>[0]): Buffer {
  const block = Buffer.alloc(512);
  new Header({ mode: 0o777, mtime: new Date(0), ...(data as object) }).encode(block);
  return block;
}
