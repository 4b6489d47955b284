/** Login at a real OpenID provider, and every way in which it must not succeed. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { oidcTimeoutMs } from "../../lib/control/auth/logins/loginLimits.ts";
import { Visitor } from "../support/clients/visitor.ts";
import { randomContent, sha256Of, storeArtifact } from "../support/fixtures/artifacts.ts";
import {
  type Flavour,
  flavours,
  startServe,
  temporaryDir,
} from "../support/processes/processes.ts";
import { grants, groups, OidcPair } from "../support/servers/oidcPair.ts";
import { clientId, startProvider } from "../support/servers/oidcProvider.ts";

setDefaultTimeout(60_000);

describe.each(flavours.map((flavour) => [flavour] as const))("on %s", (flavour) => {
  test("who is in a group that is granted a role has it, and looks on with it", async () => {
    await using pair = await OidcPair.start({ flavour });
    const visitor = new Visitor();
    const { answer } = await pair.logIn(visitor, "ada");
    expect({ status: answer.status, to: answer.headers.get("location") }).toEqual({
      status: 302,
      to: "/",
    });
    const cookie = visitor.setCookies.find((each) => each.startsWith("wsctl-login"));
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(await pair.standing(visitor)).toMatchObject({
      ...{ logged_in: true, name: "ada", role: "operator", oidc: true },
    });
    const ask = async (path: string) => (await visitor.ask(`${pair.url}/api/v1${path}`)).status;
    expect([await ask("/agents"), await ask("/jobs")]).toEqual([200, 200]);
    // An operator is no administrator, and a login is no token.
    expect([await ask("/tokens"), await ask("/audit"), await ask("/releases")]).toEqual([
      ...[403, 403, 403],
    ]);
    const order = { command: "ping", target: { all: true } };
    const asked = { method: "POST", body: order, origin: "" };
    expect((await visitor.ask(`${pair.url}/api/v1/jobs`, asked)).status).toBe(403);
    // Its own page may ask, with the role of the person.
    const own = { ...asked, origin: new URL(pair.url).origin };
    const answered = await visitor.ask(`${pair.url}/api/v1/jobs`, own);
    expect(JSON.parse(answered.text).error.code).toBe("NO_MATCH");
    // A schedule would run with the token that this person does not have.
    const schedule = { name: "nightly", timing: { every_seconds: 60 }, job: order };
    const refused = await visitor.ask(`${pair.url}/api/v1/schedules`, { ...own, body: schedule });
    expect(JSON.parse(refused.text).error.message).toContain("and this login has none");
    const who = JSON.parse((await visitor.ask(`${pair.url}/api/v1/whoami`)).text);
    const id = `${pair.provider.issuer}#ada`;
    expect(who).toMatchObject({ token_id: id, kind: "oidc", role: "operator" });
    const [login] = await pair.audited();
    expect(login).toMatchObject({
      ...{ outcome: "accepted", actor: id, role: "operator", address: "127.0.0.1" },
      resource: { issuer: pair.provider.issuer, subject: "ada", name: "ada" },
    });
    // The events of a person are a stream until the login ends.
    const events = visitor.ask(`${pair.url}/api/v1/events?types=disk.low`);
    expect((await visitor.ask(`${pair.url}/console/logout`, { method: "POST" })).status).toBe(204);
    expect((await events).text).toMatch(/^: events through \d+\nid: \d+\n\n$/);
    expect(await ask("/agents")).toBe(401);
  });

  test("below a path, the redirect, the cookies and the links of an error stay below it", async () => {
    await using pair = await OidcPair.start({ flavour, path: "/ops/wsctl" });
    const visitor = new Visitor();
    const { answer } = await pair.logIn(visitor, "ada");
    expect(answer.headers.get("location")).toBe("/ops/wsctl/");
    const own = visitor.setCookies.filter((each) => each.startsWith("wsctl-"));
    expect(own.filter((each) => !each.includes("; Path=/ops/wsctl/;"))).toEqual([]);
    expect(await pair.standing(visitor)).toMatchObject({ logged_in: true, name: "ada" });
    const refused = await pair.logIn(new Visitor(), "eve");
    const links = [...refused.answer.text.matchAll(/href="([^"]*)"/g)].map(([, link]) => link);
    expect(links.length).toBe(3);
    expect(links.every((link) => link?.startsWith("/ops/wsctl/"))).toBeTrue();
  });

  test("a provider under an authority of its own is trusted by that one alone", async () => {
    using dir = temporaryDir();
    mkdirSync(join(dir, "tls"));
    // What it is built on must be there before it.
    await import("reflect-metadata");
    const { loadOrCreateCa } = await import("../../lib/control/tls/certificateAuthority.ts");
    const authority = await loadOrCreateCa(join(dir, "tls"), Date.now());
    const tls = await authority.issue(["127.0.0.1"], 60 * 60 * 1000, Date.now());
    const ca = join(dir, "tls", "ca.pem");
    const trusting = { flavour, tls, args: ["--oidc-ca", ca] };
    expect(readFileSync(ca, "utf8")).toContain("BEGIN CERTIFICATE");
    {
      await using pair = await OidcPair.start({ flavour, tls });
      const refused = await new Visitor().ask(`${pair.url}/console/oidc`);
      expect(refused.status).toBe(503);
      expect(refused.text).toContain("cannot be reached");
    }
    await using pair = await OidcPair.start(trusting);
    const visitor = new Visitor(readFileSync(ca, "utf8"));
    await pair.logIn(visitor, "bob");
    expect(await pair.standing(visitor)).toMatchObject({ logged_in: true, role: "viewer" });
  });
});

test("a person downloads artifacts of the data directory, until the login ends", async () => {
  await using pair = await OidcPair.start();
  const visitor = new Visitor();
  await pair.logIn(visitor, "ada");
  const content = randomContent(32 * 1024 * 1024);
  const { url: base, dataDir } = pair;
  const id = await storeArtifact({ url: base, dataDir }, "big.bin", content);
  const shown = await visitor.ask(`${base}/api/v1/artifacts/${id}`);
  const url = pair.url + JSON.parse(shown.text).download.url;
  const whole = new Uint8Array(await (await fetch(url)).arrayBuffer());
  expect(sha256Of(whole)).toBe(content.sha256);

  // The address has nothing with which anybody could log in.
  const secret = visitor.cookie(pair.url, /login/) ?? "?";
  expect(url).not.toContain(secret);
  const underWay = (await fetch(url)).body?.getReader();
  await underWay?.read();
  await visitor.ask(`${pair.url}/console/logout`, { method: "POST" });
  expect((await fetch(url)).status).toBe(403);
  const rest = async () => {
    while (!(await underWay?.read())?.done);
  };
  await expect(rest()).rejects.toThrow();
});

test("the groups count in the token as they do at the userinfo endpoint", async () => {
  await using pair = await OidcPair.start({ userinfoOnly: false });
  const visitor = new Visitor();
  await pair.logIn(visitor, "bob");
  expect(await pair.standing(visitor)).toMatchObject({ logged_in: true, role: "viewer" });
});

test("the provider is asked for a code, with PKCE, a state and a nonce of this login alone", async () => {
  await using pair = await OidcPair.start();
  const [one, two] = [
    new URL(await pair.begin(new Visitor(), "ada")),
    new URL(await pair.begin(new Visitor(), "ada")),
  ];
  const asked = Object.fromEntries(one.searchParams);
  expect(asked).toMatchObject({
    ...{ response_type: "code", code_challenge_method: "S256", client_id: clientId },
    ...{ scope: "openid profile", redirect_uri: `${pair.url}/console/oidc/callback` },
  });
  for (const name of ["state", "nonce", "code_challenge"]) {
    expect(asked[name]?.length).toBeGreaterThanOrEqual(32);
    expect(two.searchParams.get(name)).not.toBe(asked[name] ?? "");
  }
});

describe("nobody is let in", () => {
  const refusalLog: [string, string, Record<string, string>, number, RegExp][] = [
    ["whose groups are granted nothing", "eve", {}, 403, /have no role/],
    ["whom the provider does not know", "nobody", {}, 401, /denied the login/],
    ["with another state", "ada", { state: "x".repeat(54) }, 400, /started elsewhere/],
    ["with another nonce", "ada", { nonce: "n".repeat(43) }, 401, /ID token is invalid/],
    ["with another challenge", "ada", { code_challenge: "c".repeat(43) }, 401, /denied the login/],
  ];
  test.each(refusalLog)("%s", async (_name, who, changed, status, says) => {
    await using pair = await OidcPair.start();
    const visitor = new Visitor();
    const { answer } = await pair.logIn(visitor, who, changed);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(says);
    expect(answer.text).not.toContain("<script");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(visitor.cookie(pair.url, /login/)).toBeUndefined();
    expect(await pair.standing(visitor)).toEqual({ logged_in: false, oidc: true });
    const [refused] = await pair.audited();
    expect(refused).toMatchObject({ outcome: "refused", address: "127.0.0.1" });
    const actor = who === "eve" ? `${pair.provider.issuer}#eve` : undefined;
    expect(refused?.actor).toBe(actor as string);
  });

  test("twice with the same way back, nor from another browser", async () => {
    await using pair = await OidcPair.start();
    const visitor = new Visitor();
    const back = await pair.back(visitor, await pair.begin(visitor, "ada"));
    const underWay = visitor.cookie(pair.url, /oidc/) ?? "";
    expect((await new Visitor().ask(back)).status).toBe(400);
    expect((await visitor.ask(back)).status).toBe(302);
    // Even with all that the browser had: it was used up.
    const name = visitor.setCookies.find((each) => each.includes(underWay))?.split("=")[0] ?? "";
    const thief = new Visitor();
    thief.setCookie(pair.url, name, underWay);
    expect((await thief.ask(back)).status).toBe(400);
    expect(await pair.standing(thief)).toMatchObject({ logged_in: false });
  });

  test("with a code that was good once already, which the provider sees", async () => {
    await using pair = await OidcPair.start();
    const first = new Visitor();
    const { back } = await pair.logIn(first, "ada");
    const second = new Visitor();
    const own = new URL(await pair.back(second, await pair.begin(second, "bob")));
    own.searchParams.set("code", new URL(back).searchParams.get("code") ?? "");
    const answer = await second.ask(own.href);
    expect(answer.status).toBe(401);
    expect(await pair.standing(second)).toMatchObject({ logged_in: false });
  });

  test("by a token that is over, or from another issuer", async () => {
    await using pair = await OidcPair.start({ skewMs: -3 * 60 * 60 * 1000 });
    const visitor = new Visitor();
    const { answer } = await pair.logIn(visitor, "ada");
    expect({ status: answer.status, is: /ID token is invalid/.test(answer.text) }).toEqual({
      ...{ status: 401, is: true },
    });
    await pair.serving.process.logged(/OpenID login failed .*timestamp/);
    const other = new URL(await pair.back(visitor, await pair.begin(visitor, "ada")));
    other.searchParams.set("iss", "https://evil.example");
    expect((await visitor.ask(other.href)).status).toBe(401);
  });
});

test("without its provider a control plane serves, says so, and finds it when it is back", async () => {
  await using pair = await OidcPair.start();
  const { port } = pair.provider;
  await pair.provider.process.kill();
  const visitor = new Visitor();
  const down = await visitor.ask(`${pair.url}/console/oidc`);
  expect({ status: down.status, says: /cannot be reached/.test(down.text) }).toEqual({
    ...{ status: 503, says: true },
  });
  expect((await visitor.ask(`${pair.url}/`)).status).toBe(200);
  expect((await visitor.ask(`${pair.url}/readyz`)).status).toBe(200);
  const redirectUris = [`${pair.url}/console/oidc/callback`];
  await using _back = await startProvider({ port, redirectUris, groups });
  // It is asked again soon, and not with every visit.
  const deadline = Date.now() + 20_000;
  while ((await visitor.ask(`${pair.url}/console/oidc`)).status !== 302) {
    expect(Date.now()).toBeLessThan(deadline);
  }
  await pair.logIn(visitor, "ada");
  expect(await pair.standing(visitor)).toMatchObject({ logged_in: true });
});

test("a provider that takes a connection and says nothing is given up", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(silent.address() as { port: number }).port}`;
  const flags = ["--oidc-issuer", issuer, "--oidc-client-id", clientId, ...grants];
  const ask = async (flavour: Flavour) => {
    using dir = temporaryDir();
    await using serving = await startServe({ dataDir: dir, flavour, args: flags });
    const begun = performance.now();
    const asked = [1, 2, 3].map(() => new Visitor().ask(`${serving.url}/console/oidc`));
    for (const { status } of await Promise.all(asked)) expect(status).toBe(503);
    expect(performance.now() - begun).toBeLessThan(oidcTimeoutMs + 5_000);
  };
  let connections = 0;
  silent.on("connection", () => void connections++);
  await Promise.all(flavours.map(ask));
  // However many want to log in at once, each control plane asks once.
  expect(connections).toBe(flavours.length);
  silent.close();
});

test("OIDC: a login on another host name is redirected to the registered one", async () => {
  await using pair = await OidcPair.start();
  const elsewhere = pair.url.replace("127.0.0.1", "localhost");
  const sent = await new Visitor().ask(`${elsewhere}/console/oidc`);
  expect(sent.headers.get("location")).toBe(`${pair.url}/console/oidc?from=elsewhere`);
});

test("OIDC: without a provider the login returns 404 and names --oidc-issuer", async () => {
  using dir = temporaryDir();
  await using serving = await startServe({ dataDir: dir });
  for (const path of ["/console/oidc", "/console/oidc/callback?code=x&state=y"]) {
    const { status, text } = await new Visitor().ask(serving.url + path);
    expect(status).toBe(404);
    expect(text).toContain("--oidc-issuer");
  }
});
