/** `wsctl login` and `wsctl context`: an operator's own machine. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditLine } from "../../../lib/protocol/api/audit.ts";
import type { TokenView } from "../../../lib/protocol/api/tokens.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { startServe, temporaryDir, wsctl } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe("login", () => {
  let fleet: JoinableFleet;
  const laptop = temporaryDir();
  const env = {
    XDG_CONFIG_HOME: `${laptop}`,
    XDG_STATE_HOME: join(laptop, "state"),
    HOME: `${laptop}`,
  };
  const onLaptop = (args: string[], stdin?: string) => {
    return wsctl(args, { env, ...(stdin === undefined ? {} : { stdin }) });
  };

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    await fleet
      .agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText())
      .logged(/ connected$/);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    laptop[Symbol.dispose]();
  });

  test("a login string is exchanged once for a token, which commands then use", async () => {
    const made = await fleet.run(
      "tokens",
      "create",
      "--role",
      "operator",
      "--name",
      "ana",
      "--login",
    );
    expect(made.stderr).toMatch(/^Valid once until \S+: wsctl login STRING\n$/);
    const text = made.stdout.trim();
    expect(text).toStartWith("wsl1.");
    const { code, stdout, stderr } = await onLaptop(["login", "-", "--name", "ops"], text);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `logged in to ${fleet.serving.url} as ana (operator)\n`,
    });
    expect(stderr).toContain('Commands use the context "ops" from now on');
    expect(statSync(join(laptop, "wsctl", "contexts.json")).mode & 0o777).toBe(0o600);
    const sent = await onLaptop(["send", "ping", "--agent", "web-1"]);
    expect(sent).toMatchObject({ code: 0 });
    const again = await onLaptop(["login", "-"], text);
    expectRefusal(again, 4, /rejected the login string: it was used or revoked, or has expired/);
    const tokens = jsonLines<TokenView>(await fleet.run("tokens", "list", "--json"));
    expect(tokens.map(({ role, state, name }) => `${role} ${state} ${name ?? ""}`.trim())).toEqual(
      expect.arrayContaining(["login used", "operator active ana"]),
    );
    const audit = await fleet.run("audit", "list", "--action", "token.login", "--json");
    expect(jsonLines<AuditLine>(audit).map(({ record }) => record.outcome)).toContain("accepted");
    expect(readFileSync(join(laptop, "wsctl", "contexts.json"), "utf8")).not.toContain(
      text.split(".")[3] ?? "",
    );
  });

  test("a login token is good for nothing but the exchange", async () => {
    const text = await fleet.newToken("--role", "admin", "--login");
    const token = text.split(".")[3] ?? "";
    expectRefusal(await fleet.runAs(token, "agents", "list"), 4, /Requires a token of the role/);
    const swapped = `wsl1.${"A".repeat(43)}.${text.split(".").slice(2).join(".")}`;
    const refused = await onLaptop(["login", "-"], swapped);
    expectRefusal(refused, 4, /its authority has another fingerprint. Nothing was sent to it/);
    const whole = await onLaptop(["login", "-", "--name", "admin"], text);
    expect(whole.code).toBe(0);
  });

  test("contexts are listed, chosen and deleted", async () => {
    const list = await onLaptop(["context"]);
    expect(list.stdout).toMatch(/^ +NAME +URL\n\* +admin +https:\S+\n +ops +https:\S+\n$/);
    expect((await onLaptop(["tokens", "list"])).code).toBe(0);
    expect((await onLaptop(["context", "use", "ops"])).stdout).toBe("using ops\n");
    expect((await onLaptop(["tokens", "list"])).code).toBe(4);
    expect((await onLaptop(["tokens", "list", "--context", "admin"])).code).toBe(0);
    expectRefusal(
      await onLaptop(["context", "use", "opz"]),
      2,
      /Unknown context "opz". Did you mean "ops"/,
    );
    const both = ["agents", "--context", "ops", "--server", fleet.serving.url];
    expectRefusal(await onLaptop(both), 2, /--context and --server cannot be combined/);
    expect((await onLaptop(["context", "delete", "ops"])).code).toBe(0);
    expect((await onLaptop(["context", "show"])).stdout).toBe(
      "local: the control plane on this host\n",
    );
    expectRefusal(await onLaptop(["agents"]), 3, /No control plane is known on this host/);
  });

  test("logins at the same time lose no context, and one that cannot wait says so", async () => {
    const own = { ...env, XDG_CONFIG_HOME: join(laptop, "shared") };
    const names = ["a", "b", "c", "d"];
    const strings = await Promise.all(
      names.map(() => fleet.newToken("--role", "viewer", "--login")),
    );
    const logins = await Promise.all(
      names.map((name, index) =>
        wsctl(["login", "-", "--name", name], { env: own, stdin: strings[index] ?? "" }),
      ),
    );
    expect(logins.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const listed = await wsctl(["context", "list", "--json"], { env: own });
    expect(jsonLines<{ name: string }>(listed).map(({ name }) => name)).toEqual(names);
    const lock = join(own.XDG_CONFIG_HOME, "wsctl", "contexts.json.lock");
    const holder = spawn("flock", [lock, "sh", "-c", "echo held; exec cat"]);
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const used = await wsctl(["context", "use", "local"], { env: own });
    holder.stdin.end();
    expectRefusal(used, 2, /Cannot write the contexts ".*": another command is changing them/);
  });

  test("a login never replaces the token of another control plane on the same host", async () => {
    using otherDir = temporaryDir();
    await using _other = await startServe({ dataDir: `${otherDir}` });
    const before = readFileSync(join(laptop, "wsctl", "contexts.json"), "utf8");
    const first = await fleet.newToken("--role", "viewer", "--login");
    expect((await onLaptop(["login", first])).code).toBe(0);
    const create = ["tokens", "create", "--role", "viewer", "--login"];
    const made = await wsctl([...create, "--data-dir", `${otherDir}`]);
    const second = made.stdout.trim();
    expectRefusal(await onLaptop(["login", second]), 2, /is the control plane at .* with --name$/m);
    expect((await onLaptop(["login", second, "--name", "other"])).code).toBe(0);
    expect(await onLaptop(["agents", "--context", "127.0.0.1"])).toMatchObject({ code: 0 });
    writeFileSync(join(laptop, "wsctl", "contexts.json"), before);
  });

  test("a variable that would end the verification of certificates is refused with a context too", async () => {
    for (const variable of ["NODE_TLS_REJECT_UNAUTHORIZED=0", "BUN_CONFIG_VERBOSE_FETCH=1"]) {
      const [name = "", value] = variable.split("=");
      const unsafe = { env: { ...env, [name]: value } };
      const refusal = new RegExp(`${name}.*unset it`);
      const listed = await wsctl(["agents", "--context", "admin"], unsafe);
      expectRefusal(listed, 2, refusal);
      const text = await fleet.newToken("--role", "viewer", "--login");
      expectRefusal(await wsctl(["login", text, "--name", "unsafe"], unsafe), 2, refusal);
    }
  });

  test("an explicit address or data directory goes before the context in use", async () => {
    await onLaptop(["context", "use", "admin"]);
    const local = await wsctl(["context", "show"], { env });
    expect(local.stdout).toStartWith("admin: https:");
    const elsewhere = ["agents", "--server", "http://127.0.0.1:9", "--token-file", "/dev/null"];
    expect((await onLaptop(elsewhere)).code).not.toBe(0);
    expect((await onLaptop(["agents", "--data-dir", `${fleet.dataDir}`])).code).toBe(0);
    const ca = join(fleet.dataDir, "tls", "ca.pem");
    const token = await fleet.newToken("--role", "viewer", "--name", "screen");
    const args = ["login", "--server", fleet.serving.url, "--ca", ca, "--name", "view"];
    const done = await wsctl(args, { env: { ...env, WSCTL_TOKEN: token } });
    expect(done).toMatchObject({
      code: 0,
      stdout: `logged in to ${fleet.serving.url} as screen (viewer)\n`,
    });
    expect((await onLaptop(["agents", "--json"])).code).toBe(0);
  });

  test.each([
    [["login"], "Missing argument STRING"],
    [["login", "wsl1.x"], "Invalid or truncated login string"],
    [["login", "-", "--name", "local"], "expected letters"],
    [["tokens", "create", "--agent", "x", "--login"], "Flag --login needs --role"],
  ])("%j is an error that says what to write", async (args, message) => {
    const text =
      message === "expected letters" ? await fleet.newToken("--role", "viewer", "--login") : "x";
    const { code, stderr } = await onLaptop(args, text);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test("a join string is not a login string, and says so", async () => {
    expectRefusal(
      await onLaptop(["login", "-"], await fleet.joinText()),
      2,
      /it is a join string: use it with/,
    );
  });
});
