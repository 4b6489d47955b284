/** `wsctl login URL`: a person logs in at an OpenID provider from a terminal. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { deviceLoginsPerAddressMax } from "../../../lib/control/auth/logins/loginLimits.ts";
import { deviceLoginPath, deviceTokenPath } from "../../../lib/protocol/api/deviceLogin.ts";
import type { TokenView } from "../../../lib/protocol/api/tokens.ts";
import { confirmDevice } from "../../support/clients/confirmDevice.ts";
import { Visitor } from "../../support/clients/visitor.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Flavour,
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { OidcPair } from "../../support/servers/oidcPair.ts";

const deviceCodes = { seconds: 600 };

/** A laptop on which somebody logs in. */
class Laptop implements Disposable {
  readonly #dir = temporaryDir();
  readonly env = {
    XDG_CONFIG_HOME: `${this.#dir}`,
    XDG_STATE_HOME: join(this.#dir, "state"),
    HOME: `${this.#dir}`,
  };

  logIn(url: string, flavour: Flavour = "binary", ...flags: string[]): Running {
    return new Running([...wsctlCommand(flavour), "login", url, ...flags], { env: this.env });
  }

  run(...args: string[]) {
    return wsctl(args, { env: this.env });
  }

  get hasContext(): boolean {
    return existsSync(this.contexts);
  }

  get contexts(): string {
    return join(this.#dir, "wsctl", "contexts.json");
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}

/** The page that the login shows, with its code. */
async function page(login: Running): Promise<string> {
  const [, url = ""] = await login.logged(/^Open in any browser: (\S+)$/);
  const [, code = ""] = await login.logged(/^Confirm there only if it shows the code: (\S+)$/);
  expect(new URL(url).searchParams.get("user_code")).toBe(code);
  return url;
}

async function failure(login: Running): Promise<{ code: number; message: string }> {
  const code = await login.exited;
  return { code, message: login.lines.find((line) => line.startsWith("wsctl: ")) ?? "" };
}

describe.each([["binary"], ["deno"]] as const)("wsctl login URL on %s", (flavour) => {
  test("each of two people gets a token of their own, with their role and name", async () => {
    await using pair = await OidcPair.start({
      deviceCodes,
      flavour,
      slowDowns: flavour === "binary" ? 1 : 0,
      args: ["--tls", "on", "--console", "off"],
    });
    using laptop = new Laptop();
    using other = new Laptop();
    const ca = ["--ca", join(pair.dataDir, "tls", "ca.pem")];
    const ada = laptop.logIn(pair.url, flavour, ...ca);
    const bob = other.logIn(pair.url, flavour, ...ca, "--json");
    const pages = [await page(ada), await page(bob)] as const;
    expect(await confirmDevice(pages[1], "bob")).toContain("Sign-in Success");
    await confirmDevice(pages[0], "ada");
    expect([await ada.exited, await bob.exited]).toEqual([0, 0]);
    expect(ada.lines).toContain(`logged in to ${pair.url} as ada (operator)`);
    const { host, hostname } = new URL(pair.url);
    expect(bob.lines.map((line) => line.trim())).toContain(
      JSON.stringify({ name: hostname, url: `https://${host}`, role: "viewer" }),
    );

    const who = JSON.parse((await laptop.run("agents", "list", "--json")).stdout || "[]");
    expect(who).toEqual([]);
    const admin = ["--data-dir", pair.dataDir];
    const tokens = jsonLines<TokenView>(await wsctl(["tokens", "list", "--json", ...admin]));
    const own = tokens.find(({ name }) => name === "ada");
    const id = `${pair.provider.issuer}#ada`;
    expect(own).toMatchObject({ role: "operator", state: "active", created_by: id });
    const lifetimeMs = Date.parse(own?.expires_at ?? "") - Date.parse(own?.created_at ?? "");
    expect(lifetimeMs).toBe(12 * 3_600_000);
    const entries = await pair.audited("token.login");
    expect(entries.find(({ actor }) => actor === id)).toMatchObject({
      ...{ outcome: "accepted", actor_name: "ada", role: "operator", address: "127.0.0.1" },
      resource: { new_token_id: own?.token_id, subject: "ada", issuer: pair.provider.issuer },
    });

    await wsctl(["tokens", "revoke", own?.token_id ?? "", ...admin]);
    expect(await laptop.run("agents", "list")).toMatchObject({ code: 4 });
    expect(await other.run("agents", "list")).toMatchObject({ code: 0 });
  });
});

describe("wsctl login URL gives no token", () => {
  test("to whom the provider, the groups or the time refuse", async () => {
    await using pair = await OidcPair.start({ deviceCodes });
    await using brief = await OidcPair.start({ deviceCodes: { seconds: 2 } });
    using laptop = new Laptop();
    const [denied, roleless] = [laptop.logIn(pair.url), laptop.logIn(pair.url)];
    const late = laptop.logIn(brief.url);
    await confirmDevice(await page(denied), "ada", "abort");
    await confirmDevice(await page(roleless), "eve");
    expect(await failure(denied)).toEqual({
      code: 4,
      message: expect.stringContaining("Cannot log in: the OpenID provider denied the login."),
    });
    const noRole = await failure(roleless);
    expect(noRole).toMatchObject({ code: 4 });
    expect(noRole.message).toMatch(/Cannot log in: you have no role\. .*--oidc-grant VALUE=ROLE/);
    const expired = await failure(late);
    expect(expired).toMatchObject({ code: 4 });
    expect(expired.message).toMatch(/Cannot log in: this login has expired\. Start/);
    expect(laptop.hasContext).toBe(false);
    const refused = await pair.audited("token.login");
    expect(refused.map(({ outcome, code }) => `${outcome} ${code}`).sort()).toEqual([
      "refused FORBIDDEN",
      "refused UNAUTHORIZED",
    ]);
  });

  test("for an ID token of another audience", async () => {
    await using pair = await OidcPair.start({ deviceCodes, audience: "another-client" });
    using laptop = new Laptop();
    const login = laptop.logIn(pair.url);
    await confirmDevice(await page(login), "ada");
    expect(await failure(login)).toEqual({
      code: 4,
      message: expect.stringContaining("Cannot log in: the OpenID provider's ID token is invalid"),
    });
    await pair.serving.process.logged(/OpenID login failed .*"?aud"? /);
  });

  test("after Ctrl-C, even if the code is then confirmed", async () => {
    await using pair = await OidcPair.start({ deviceCodes });
    using laptop = new Laptop();
    const login = laptop.logIn(pair.url);
    const url = await page(login);
    login.signal("SIGINT");
    expect(await login.exited).not.toBe(0);
    await confirmDevice(url, "ada");
    expect(laptop.hasContext).toBe(false);
    expect(login.lines.filter((line) => /wsctl: | at /.test(line))).toEqual([]);
    expect(await pair.audited("token.login")).toEqual([]);
  });

  test("of a login that a restart of the control plane has forgotten, and says so", async () => {
    await using pair = await OidcPair.start({ deviceCodes });
    using laptop = new Laptop();
    const login = laptop.logIn(pair.url);
    await page(login);
    await pair.restart(() => login.logged(/^Connection to .* failed: .*; trying again$/));
    expect(await failure(login)).toEqual({
      code: 4,
      message: expect.stringMatching(/the control plane was restarted\. Start it again$/),
    });
  });

  test("where no provider offers it, and names the login string", async () => {
    await using pair = await OidcPair.start();
    await using barred = await OidcPair.start({ deviceCodes: { seconds: 600, isBarred: true } });
    using dir = temporaryDir();
    await using bare = await startServe({ dataDir: dir });
    using laptop = new Laptop();
    for (const url of [pair.url, barred.url, bare.url]) {
      const { code, message } = await failure(laptop.logIn(url));
      expect(code).toBe(1);
      expect(message).toContain('"wsctl tokens create --login"');
    }
  });
});

test("only the secret of a login gets its token, once, and one address starts few of them", async () => {
  await using pair = await OidcPair.start({ deviceCodes });
  const post = async (path: string, body: unknown, headers = {}) => {
    const asked = { method: "POST", body: JSON.stringify(body), headers };
    const answer = await fetch(pair.url + path, asked);
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };
  const { status, body } = await post(deviceLoginPath, {});
  expect(status).toBe(201);
  expect(JSON.stringify(body)).not.toContain("device_code");
  const poll = (login_secret: string) => post(deviceTokenPath, { login_secret });
  expect((await poll(body.login_secret)).status).toBe(202);
  // What the person who confirms sees gets nothing, nor does another login.
  const other = (await post(deviceLoginPath, {})).body;
  await confirmDevice(body.verification_uri_complete, "ada");
  expect((await poll(body.user_code)).status).toBe(401);
  let made = await poll(body.login_secret);
  while (made.status === 202) made = await poll(body.login_secret);
  expect(made).toMatchObject({ status: 201, body: { name: "ada", role: "operator" } });
  expect((await poll(body.login_secret)).status).toBe(401);
  expect((await poll(other.login_secret)).status).toBe(202);

  const page = { Origin: "https://evil.example" };
  expect((await post(deviceLoginPath, {}, page)).status).toBe(403);
  const statuses = [];
  for (let count = 0; count < deviceLoginsPerAddressMax; count++) {
    statuses.push((await post(deviceLoginPath, {})).status);
  }
  expect(statuses).toEqual([...statuses.slice(1).map(() => 201), 429]);
});

test("a person cannot approve with one token what another token of the same person created", async () => {
  await using pair = await OidcPair.start({
    deviceCodes,
    args: ["--require-approval-for", "ping", "--oidc-token-lifetime", "30m"],
  });
  using dir = temporaryDir();
  const admin = ["--data-dir", pair.dataDir];
  const token = (await wsctl(["tokens", "create", "--agent", "web-1", ...admin])).stdout.trim();
  const args = ["--server", pair.url];
  const env = { WSCTL_TOKEN: token };
  await using _agent = await connectedAgent({ dataDir: dir, id: "web-1", args, env });
  using one = new Laptop();
  using two = new Laptop();
  const logins = [one.logIn(pair.url), two.logIn(pair.url)];
  for (const login of logins) await confirmDevice(await page(login), "ada");
  for (const login of logins) expect(await login.exited).toBe(0);
  expect(readFileSync(one.contexts, "utf8")).not.toBe(readFileSync(two.contexts, "utf8"));
  const sent = await one.run("send", "ping", "--agent", "web-1", "--no-wait", "--json");
  const { job_id: job } = JSON.parse(sent.stdout);
  const refused = await two.run("jobs", "approve", job);
  expect(refused).toMatchObject({ code: 4 });
  expect(refused.stderr).toContain("another operator than its creator must approve it");
  const visitor = new Visitor();
  await pair.logIn(visitor, "ada");
  const path = `${pair.url}/api/v1/jobs/${job}/approve`;
  expect((await visitor.ask(path, { method: "POST" })).text).toContain("another operator than");
  expect(await wsctl(["jobs", "approve", job, ...admin])).toMatchObject({ code: 0 });
});
