/** Commands that operators sign, and jobs that wait for a second operator, on real processes. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditLine } from "../../lib/protocol/api/audit.ts";
import type { JobDetail, JobView } from "../../lib/protocol/api/views.ts";
import { expectRefusal, jsonLines } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import { Running, temporaryDir, wsctl, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

/** An operator's own host, with a directory for keys. */
class Desk implements Disposable {
  readonly #dir = temporaryDir();
  readonly #fleet: JoinableFleet;

  constructor(fleet: JoinableFleet) {
    this.#fleet = fleet;
  }

  path(name: string): string {
    return join(`${this.#dir}`, name);
  }

  /** Makes a key in a file; its public half. */
  async key(name: string): Promise<string> {
    const made = await this.run(["release", "generate-key", this.path(name)]);
    if (made.code !== 0) throw new Error(made.stderr);
    return made.stdout.trim().split("\n").at(-1) ?? "";
  }

  run(args: string[], env: Record<string, string> = {}) {
    const isAsking = ["send", "jobs"].includes(args[0] ?? "");
    const at = isAsking ? ["--data-dir", `${this.#fleet.dataDir}`] : [];
    return wsctl([...args, ...at], { env });
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}

describe("an agent that trusts keys", () => {
  test("does what is signed for it, and nothing that the control plane says alone", async () => {
    await using fleet = await JoinableFleet.start();
    using desk = new Desk(fleet);
    const [alice, bob] = [await desk.key("alice"), await desk.key("bob")];
    const host = fleet.newHost();
    const args = ["--trust", alice, "--trust", `restart=2:${alice},${bob}`];
    args.push("--allow-exec", "df *", "--allow-push", "/etc/nginx/**");
    const join_ = ["--id", "web-1", "--join", await fleet.joinText()];
    await fleet.agent(host, ...join_, ...args).logged(/ connected$/);
    const to = ["--agent", "web-1"];

    const plain = await desk.run(["send", "ping", ...to]);
    expect(plain.code).toBe(1);
    expect(plain.stdout).toMatch(/FORBIDDEN .*requires signed commands/);
    expect((await desk.run(["send", "ping", ...to, "--sign", desk.path("alice")])).code).toBe(0);
    expect((await desk.run(["send", "ping", "--all", "--sign", desk.path("alice")])).code).toBe(0);
    expect((await desk.run(["send", "ping", ...to, "--sign", desk.path("bob")])).code).toBe(1);
    const one = await desk.run(["send", "restart", ...to, "--sign", desk.path("alice")]);
    expect(one.stdout).toMatch(/not signed for this agent by 2 keys/);
    // A signature covers one request, so "jobs retry" would refuse the job.
    expect(one.stderr).toMatch(/^Job \S+\n$/);
    expect(plain.stderr).toMatch(/Retry with: wsctl jobs retry \S+ --not-started\n$/);

    const shown = (await fleet.run("agents", "show", "web-1")).stdout;
    expect(shown).toMatch(/^COMMAND +RULE OF THE HOST$/m);
    expect(shown).toMatch(/^ping +signed by the key [0-9a-f]{16}$/m);
    expect(shown).toMatch(/^restart +signed by 2 of the keys [0-9a-f]{16}, [0-9a-f]{16}$/m);
    expect(shown).toMatch(/^exec +allows df \*$/m);
    expect(shown).toMatch(/^push_files +allows \/etc\/nginx\/\*\*$/m);

    const order = desk.path("order.json");
    const saved = ["send", "restart", ...to, "--sign", desk.path("alice"), "--save", order];
    expect((await desk.run(saved)).code).toBe(0);
    const signed = await desk.run(["keys", "sign", order, "--key", desk.path("bob")]);
    expect(signed.stdout).toMatch(/restart, 1 request, 2 signatures/);
    expect((await desk.run(["jobs", "create", order])).code).toBe(0);
    expectRefusal(await desk.run(["jobs", "create", order]), 1, /was sent before/);

    const trail = await wsctl([
      ...["audit", "export", "--journal"],
      join(host, "agents", "web-1", "log"),
    ]);
    const all = jsonLines<AuditLine>(trail).map(({ record }) => record);
    expect(
      all.some(({ resource }) => (resource?.signed_by as string[] | undefined)?.length === 2),
    ).toBe(true);
  });

  test("refuses a job that was changed after it was signed", async () => {
    await using fleet = await JoinableFleet.start();
    using desk = new Desk(fleet);
    const alice = await desk.key("alice");
    for (const id of ["web-1", "web-2"]) {
      const args = ["--id", id, "--join", await fleet.joinText(), "--trust", alice];
      await fleet.agent(fleet.newHost(), ...args).logged(/ connected$/);
    }
    const order = desk.path("order.json");
    const change = async (edit: (order: never) => void) => {
      const send = ["send", "restart", "--agent", "web-1", "--param", "delay_seconds=0"];
      await desk.run([...send, "--sign", desk.path("alice"), "--save", order]);
      const value = JSON.parse(readFileSync(order, "utf8"));
      edit(value as never);
      writeFileSync(order, JSON.stringify(value));
      return desk.run(["jobs", "create", order]);
    };
    type Order = {
      command: string;
      parameters: object;
      target: { agents: string[] };
      signed: { not_after: string; requests: { agent: string }[] };
    };
    const edits: ((order: Order) => void)[] = [
      (value) => {
        value.command = "ping";
        value.parameters = {};
      },
      (value) => {
        value.parameters = { delay_seconds: 60 };
      },
      (value) => {
        value.target = { agents: ["web-2"] };
        value.signed.requests[0]!.agent = "web-2";
      },
      (value) => {
        value.signed.not_after = "2999-01-01T00:00:00.000Z";
      },
    ];
    for (const edit of edits) {
      const sent = await change(edit as (order: never) => void);
      expect(sent.code).toBe(1);
      expect(sent.stdout).toMatch(/FORBIDDEN/);
    }
    const other = await change((value: Order) => {
      value.target = { agents: ["web-1", "web-2"] };
    });
    expectRefusal(other, 1, /do not cover exactly the agents/);
    expect((await change(() => {})).code).toBe(0);
  });

  test("is commanded by a key that never leaves an ssh-agent", async () => {
    if (spawnSync("ssh-agent", ["-V"]).error !== undefined) return;
    await using fleet = await JoinableFleet.start();
    using desk = new Desk(fleet);
    const socket = desk.path("agent.sock");
    await using ssh = new Running(["ssh-agent", "-D", "-a", socket]);
    await ssh.logged(/SSH_AUTH_SOCK/);
    const env = { SSH_AUTH_SOCK: socket };
    const file = desk.path("ssh");
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file, "-C", "me@desk"]);
    spawnSync("ssh-keygen", ["-q", "-t", "rsa", "-N", "", "-f", `${file}2`, "-C", "old@desk"]);
    for (const each of [file, `${file}2`]) {
      const added = spawnSync("ssh-add", ["-q", each], { env: { ...process.env, ...env } });
      expect(added.status).toBe(0);
    }
    const listed = jsonLines<{ name: string; public_key: string }>(
      await desk.run(["keys", "list", "--json"], env),
    );
    const mine = listed.filter(({ name }) => name.startsWith("ssh-agent:"));
    expect(mine.map(({ name }) => name)).toEqual(["ssh-agent:me@desk"]);
    const args = ["--id", "web-1", "--join", await fleet.joinText()];
    const trust = ["--trust", mine[0]?.public_key ?? ""];
    await fleet.agent(fleet.newHost(), ...args, ...trust).logged(/ connected$/);
    const send = ["send", "ping", "--agent", "web-1", "--sign"];
    expect((await desk.run([...send, "ssh-agent:me@desk"], env)).code).toBe(0);
    expectRefusal(await desk.run([...send, "ssh-agent:you"], env), 2, /available: "me@desk"/);
    expectRefusal(await desk.run([...send, "ssh-agent"]), 2, /SSH_AUTH_SOCK is not set/);
  });
});

test("keys of an operator's are made, listed and shown, and a passphrase is asked for", async () => {
  using home = temporaryDir();
  const env = { XDG_CONFIG_HOME: `${home}`, HOME: `${home}` };
  // As root the directory is the system's: the name is this test's own, and taken away again.
  const name = `test-${process.pid}`;
  using secret = temporaryDir();
  const file = join(secret, "passphrase");
  writeFileSync(file, "open sesame\n");
  const made = await wsctl(["keys", "generate", name, "--passphrase-file", file], { env });
  const path = /private key is in (\S+)\. /.exec(made.stderr)?.[1] ?? "";
  try {
    expect(made.code).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toContain("ENCRYPTED");
    expect((await wsctl(["keys", "show", name], { env })).stdout).toBe(made.stdout);
    expect((await wsctl(["keys", "list"], { env })).stdout).toContain(made.stdout.trim());
    expectRefusal(await wsctl(["keys", "generate", name], { env }), 2, /already/);
    expectRefusal(await wsctl(["keys", "show", "nobody"], { env }), 2, /Unknown key "nobody"/);
    expectRefusal(await wsctl(["keys", "generate", "../x"], { env }), 2, /Invalid key name/);
    using dir = temporaryDir();
    const send = ["send", "ping", "--agent", "a", "--sign", name, "--data-dir", `${dir}`];
    const server = ["--server", "http://127.0.0.1:1"];
    const asked = await wsctl([...send, ...server], { env: { ...env, WSCTL_TOKEN: "x" } });
    expectRefusal(asked, 2, /--passphrase-file/);
    const empty = ["keys", "generate", `${name}-empty`, "--passphrase-file", "-"];
    expectRefusal(await wsctl(empty, { env }), 2, /"-" is empty: expected a passphrase/);
  } finally {
    spawnSync("rm", ["-f", path, `${path}.pub`]);
  }
});

describe("a command that two must want", () => {
  test("approval: a command waits for a second operator, who is not its creator", async () => {
    await using fleet = await JoinableFleet.start({
      args: ["--require-approval-for", "info,exec"],
    });
    const join_ = ["--id", "web-1", "--join", await fleet.joinText()];
    const agent = fleet.agent(fleet.newHost(), ...join_);
    await agent.logged(/ connected$/);
    const sending = new Running([
      ...[...wsctlCommand("binary"), "send", "info", "--agent", "web-1"],
      ...["--data-dir", `${fleet.dataDir}`],
    ]);
    const [, id = ""] = await sending.logged(/wsctl jobs approve (\S+)/);
    expectRefusal(await fleet.run("jobs", "approve", id), 4, /another operator than its creator/);
    const viewer = await fleet.newToken("--role", "viewer");
    expectRefusal(await fleet.runAs(viewer, "jobs", "approve", id), 4, /role/);
    expect(agent.lines.join("\n")).not.toContain("running");
    const second = await fleet.newToken("--role", "operator");
    expect((await fleet.runAs(second, "jobs", "approve", id)).stdout).toMatch(/^approved /);
    expect(await sending.exited).toBe(0);
    const [detail] = jsonLines<JobDetail>(await fleet.run("jobs", "show", id, "--json"));
    expect(detail?.approval).toEqual({ status: "approved", by: second.split("-")[1] ?? "" });
    expectRefusal(await fleet.runAs(second, "jobs", "approve", id), 1, /already finished/);
    const ping = await fleet.run("send", "ping", "--agent", "web-1");
    expect(ping).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
  });

  test("still waits after a restart of the control plane, and never starts once it expired", async () => {
    await using fleet = await JoinableFleet.start({ args: ["--require-approval-for", "info"] });
    const join_ = ["--id", "web-1", "--join", await fleet.joinText()];
    const agent = fleet.agent(fleet.newHost(), ...join_);
    await agent.logged(/ connected$/);
    const args = ["send", "info", "--agent", "web-1", "--no-wait", "--ttl", "3s"];
    const id = (await fleet.run(...args)).stdout.trim();
    const second = await fleet.newToken("--role", "operator");
    await fleet.restart();
    const [waiting] = jsonLines<JobView>(await fleet.run("jobs", "show", id, "--json"));
    expect(waiting).toMatchObject({ approval: { status: "pending" }, ended: 0 });
    await fleet.run("jobs", "watch", id);
    const [detail] = jsonLines<JobDetail>(await fleet.run("jobs", "show", id, "--json"));
    expect(detail?.requests[0]).toMatchObject({ state: "expired" });
    expectRefusal(await fleet.runAs(second, "jobs", "approve", id), 1, /already finished/);
    expect(agent.lines.join("\n")).not.toContain("running");
  });
});
