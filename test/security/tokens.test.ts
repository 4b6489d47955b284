/** What tokens are good for, and that they stop being good for it at once. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { AddressRanges } from "../../lib/protocol/addressRange.ts";
import type { ControlPlaneEvent } from "../../lib/protocol/api/events.ts";
import type { TokenView } from "../../lib/protocol/api/tokens.ts";
import type { AgentView, JobDetail, JobView } from "../../lib/protocol/api/views.ts";
import { expectRefusal, jsonLines } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import { Running, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe("a narrowed token", () => {
  let fleet: JoinableFleet;
  let narrow = "";

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    for (const [id, env] of [
      ["web-1", "staging"],
      ["web-2", "prod"],
    ] as const) {
      const text = await fleet.joinText("--label", `env=${env}`);
      await fleet.agent(fleet.newHost(), "--id", id, "--join", text).logged(/ connected$/);
    }
    const terms = ["--allow", "ping,info", "--target", "env=staging", "--expires-in", "30d"];
    narrow = await fleet.newToken("--role", "operator", ...terms);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  test("commands whom and what it names", async () => {
    const sent = await fleet.runAs(narrow, "send", "ping", "--agent", "web-1");
    expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
  });

  test("restricted token: cannot send other commands", async () => {
    const refused = await fleet.runAs(narrow, "send", "restart", "--agent", "web-1");
    expectRefusal(refused, 4, /may not run "restart"; allowed commands: ping, info/);
  });

  test("restricted token: does not see other agents", async () => {
    const refused = await fleet.runAs(narrow, "send", "ping", "--agent", "web-2");
    expectRefusal(refused, 5, /Unknown agent "web-2"/);
    expectRefusal(await fleet.runAs(narrow, "agents", "show", "web-2"), 5, /Unknown agent/);
    const seen = jsonLines<AgentView>(await fleet.runAs(narrow, "agents", "--json"));
    expect(seen.map(({ agent_id }) => agent_id)).toEqual(["web-1"]);
  });

  test("restricted token: --all selects only its own agents", async () => {
    const sent = await fleet.runAs(narrow, "send", "ping", "--all", "--json");
    expect(jsonLines<{ agent: string }>(sent).map(({ agent }) => agent)).toEqual(["web-1"]);
  });

  test("sees and stops nobody's jobs but its own", async () => {
    const args = ["send", "ping", "--all", "--no-wait", "--json"];
    const [theirs] = jsonLines<{ job_id: string }>(await fleet.run(...args));
    const job = theirs?.job_id ?? "";
    for (const verb of ["show", "cancel", "watch"]) {
      expectRefusal(await fleet.runAs(narrow, "jobs", verb, job), 1, /Unknown job/);
    }
    const own = jsonLines<JobView>(await fleet.runAs(narrow, "jobs", "--json"));
    expect(own.length).toBeGreaterThan(0);
    expect(new Set(own.map(({ created_by }) => created_by)).size).toBe(1);
    expect(own.some(({ job_id }) => job_id === job)).toBe(false);
  });

  test("follows the events of its jobs and its agents, and no others", async () => {
    await fleet.run("send", "ping", "--all");
    const at = ["--server", fleet.serving.url, "--ca", `${fleet.dataDir}/tls/ca.pem`];
    const command = [...wsctlCommand("binary"), "events", "--after", "0", "--json", ...at];
    await using events = new Running(command, { env: { WSCTL_TOKEN: narrow } });
    await events.logged(/"agent.connected"/);
    const [accepted] = jsonLines<{ job_id: string }>(
      await fleet.runAs(narrow, "send", "ping", "--all", "--no-wait", "--json"),
    );
    await events.logged(new RegExp(`"job.ended".*"${accepted?.job_id}"`));
    const seen = events.lines.map((line) => JSON.parse(line) as ControlPlaneEvent);
    const agents = new Set(seen.flatMap(({ data }) => data.agent_id ?? []));
    expect([...agents]).toEqual(["web-1"]);
    const jobs = new Set(seen.flatMap(({ data }) => data.job_id ?? []));
    const own = jsonLines<JobView>(await fleet.runAs(narrow, "jobs", "--json"));
    expect([...jobs].sort()).toEqual(own.map(({ job_id }) => job_id).sort());
    expect(new Set(seen.map(({ type }) => type))).toEqual(
      new Set(["agent.connected", "job.created", "request.ended", "job.ended"]),
    );
  });

  test("makes no token, approves and revokes nobody", async () => {
    for (const args of [
      ["tokens", "create", "--role", "admin"],
      ["tokens", "list"],
      ["agents", "revoke", "web-1"],
      ["agents", "approve", "web-1"],
    ]) {
      expectRefusal(await fleet.runAs(narrow, ...args), 4, /the role "admin"/);
    }
  });

  test("lists no artifacts: it could not tell whose they are", async () => {
    expectRefusal(await fleet.runAs(narrow, "artifacts"), 4, /fetch an artifact by its id/);
  });

  test("a viewer sees and changes nothing", async () => {
    const viewer = await fleet.newToken("--role", "viewer");
    expect((await fleet.runAs(viewer, "agents")).code).toBe(0);
    expect((await fleet.runAs(viewer, "jobs")).code).toBe(0);
    const refused = await fleet.runAs(viewer, "send", "ping", "--agent", "web-1");
    expectRefusal(refused, 4, /role "admin" or "operator"/);
    const [{ job_id = "" } = {}] = jsonLines<{ job_id?: string }>(
      await fleet.run("jobs", "--json"),
    );
    expectRefusal(await fleet.runAs(viewer, "jobs", "cancel", job_id), 4, /role/);
  });

  test("is good from where it was meant to be used, and nowhere else", async () => {
    const away = await fleet.newToken(
      "--role",
      "viewer",
      "--allow-from",
      "10.0.0.0/8,2001:db8::/32",
    );
    expectRefusal(await fleet.runAs(away, "agents"), 4, /unknown or revoked/);
    const here = await fleet.newToken("--role", "viewer", "--allow-from", "127.0.0.0/8");
    expect((await fleet.runAs(here, "agents")).code).toBe(0);
  });
});

test.each([
  ["10.1.2.3", ["10.0.0.0/8"], true],
  ["::ffff:10.1.2.3", ["10.0.0.0/8"], true],
  ["11.1.2.3", ["10.0.0.0/8"], false],
  ["10.1.2.3", ["10.1.2.3"], true],
  ["10.1.2.4", ["10.1.2.3"], false],
  ["2001:db8::1", ["2001:db8::/32"], true],
  ["2001:DB8:0:0::1", ["2001:db8::1"], true],
  ["2001:db9::1", ["2001:db8::/32"], false],
  ["::1", ["127.0.0.1"], false],
  ["", ["0.0.0.0/0"], false],
  ["unknown", ["::/0"], false],
])("%s within %j: %s", (address, ranges, expected) => {
  expect(new AddressRanges(ranges).has(address)).toBe(expected);
});

test.each([
  [["--uses", "2", "--role", "admin"], /--uses needs --join/],
  [["--role", "admin", "--allow", "ping"], /--allow needs --role operator or viewer/],
  [["--role", "operator", "--label", "a=b"], /--label needs --join or --agent/],
  [["--role", "operator", "--target", "env in"], /target must be a selector/],
  [["--role", "operator", "--allow", "a,,b"], /expected one or more/],
  [["--role", "viewer", "--allow-from", "10.0.0.0/99"], /an address or a range/],
  [["--join", "--expires-in", "90d"], /from 1s to 30d/],
  [["--join", "--uses", "0"], /from 1 to 1000/],
  [["--join", "--role", "admin"], /specify --join .* --agent ID .* --role ROLE/],
  [["--join", "--label", "=x"], /expected KEY=VALUE/],
  [["--join", "--label", "a=1", "--label", "a=2"], /names "a" twice/],
])("tokens create %j is refused by name", async (args, says) => {
  await using fleet = await JoinableFleet.start();
  const refused = await fleet.run("tokens", "create", ...args);
  expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(says);
});

describe("a token that ends", () => {
  test("closes its agent's connection, and what waits for the agent never goes out", async () => {
    await using fleet = await JoinableFleet.start();
    const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    const begun = performance.now();
    expect((await fleet.run("agents", "revoke", "web-1")).stdout).toBe("revoked web-1 (1 token)\n");
    await agent.logged(/4401/);
    expect(performance.now() - begun).toBeLessThan(2_000);
    // Away for good: a request that still gets in has nobody to wait for but is not lost either.
    await agent.stop();
  });

  test("revocation: queued requests for the agent are cancelled", async () => {
    await using fleet = await JoinableFleet.start();
    const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    await agent.stop();
    const waiting = new Running([
      ...[...wsctlCommand("binary"), "send", "ping", "--agent", "web-1", "--ttl", "1h"],
      ...["--data-dir", `${fleet.dataDir}`],
    ]);
    await fleet.serving.process.logged(/job accepted/);
    await fleet.run("agents", "revoke", "web-1");
    expect(await waiting.exited).toBe(1);
    expect(waiting.lines.join("\n")).toMatch(
      /cancelled .*The agent was revoked; the request never started/,
    );
  });

  test("withdraws what an operator had asked for, and ends the stream", async () => {
    await using fleet = await JoinableFleet.start();
    const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    await agent.stop();
    const token = await fleet.newToken("--role", "operator");
    const waiting = fleet.runAs(token, "send", "ping", "--agent", "web-1", "--ttl", "1h");
    await fleet.serving.process.logged(/job accepted/);
    const [, id = ""] = token.split("-");
    expect((await fleet.run("tokens", "revoke", id)).code).toBe(0);
    expect((await waiting).code).not.toBe(0);
    const [job] = jsonLines<JobView>(await fleet.run("jobs", "--json"));
    const [detail] = jsonLines<JobDetail>(
      await fleet.run("jobs", "show", job?.job_id ?? "", "--json"),
    );
    expect(detail?.requests[0]).toMatchObject({ state: "cancelled" });
    expect(detail?.requests[0]?.message).toMatch(/token that created the job was revoked/);
  });

  test("expiry: an expired token ends like a revoked one", async () => {
    await using fleet = await JoinableFleet.start();
    const token = await fleet.newToken("--agent", "web-1", "--expires-in", "2s");
    const [operator] = [await fleet.newToken("--role", "operator", "--expires-in", "1s")];
    const agent = new Running(
      [
        ...[...wsctlCommand("binary"), "agent", "--id", "web-1", "--server", fleet.serving.url],
        ...["--data-dir", fleet.newHost(), "--ca", `${fleet.dataDir}/tls/ca.pem`],
      ],
      { env: { WSCTL_TOKEN: token } },
    );
    await agent.logged(/ connected$/);
    await agent.logged(/4401/);
    await agent.stop();
    expectRefusal(await fleet.runAs(operator ?? "", "agents"), 4, /revoked/);
    const states = jsonLines<TokenView>(await fleet.run("tokens", "--json")).map(
      ({ state }) => state,
    );
    expect(states.filter((state) => state === "expired")).toHaveLength(2);
    const shown = await fleet.run("tokens", "list");
    expect(shown.stdout).not.toContain("expired");
    expect(shown.stderr).toContain("Not shown: 2 ended tokens. List them with --all");
    const whole = await fleet.run("tokens", "list", "--all");
    expect(whole.stdout.match(/ expired /g)).toHaveLength(2);
  });

  test("while nobody serves, ends what waits under it all the same", async () => {
    await using fleet = await JoinableFleet.start();
    const host = fleet.newHost();
    const agent = fleet.agent(host, "--id", "web-1", "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    await agent.stop();
    const token = await fleet.newToken("--role", "operator", "--expires-in", "2s");
    const send = ["send", "ping", "--agent", "web-1", "--ttl", "1h", "--no-wait"];
    const id = (await fleet.runAs(token, ...send)).stdout.trim();
    await fleet.serving.process.kill();
    // The end of the token has to come while nobody is there to see it.
    await Bun.sleep(2_000);
    await fleet.restart();
    await fleet.run("jobs", "watch", id);
    const [detail] = jsonLines<JobDetail>(await fleet.run("jobs", "show", id, "--json"));
    expect(detail?.requests[0]).toMatchObject({ state: "cancelled" });
    expect(detail?.requests[0]?.message).toMatch(/no longer valid; the request never started/);
  });

  test("rotates: the new secret is good, the old one void, its connections closed", async () => {
    await using fleet = await JoinableFleet.start();
    const old = await fleet.newToken("--role", "operator");
    const [, id = ""] = old.split("-");
    const rotated = await fleet.run("tokens", "rotate", id);
    expect(rotated.code).toBe(0);
    expectRefusal(await fleet.runAs(old, "agents"), 4, /revoked/);
    expect((await fleet.runAs(rotated.stdout.trim(), "agents")).code).toBe(0);
    expectRefusal(await fleet.run("tokens", "rotate", "0123456789ab"), 1, /Unknown token/);
  });
});

test("too many failures from one address are told to wait, and a valid token is never", async () => {
  await using fleet = await JoinableFleet.start();
  const ca = await Bun.file(`${fleet.dataDir}/tls/ca.pem`).text();
  const ask = (token: string) =>
    fetch(`${fleet.serving.url}/api/v1/agents`, {
      headers: { Authorization: `Bearer ${token}` },
      tls: { ca },
    });
  const statuses: number[] = [];
  for (let count = 0; count < 25; count++) statuses.push((await ask("wrong")).status);
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(401));
  expect(statuses.slice(20)).toEqual(Array(5).fill(429));
  const refused = await ask("wrong");
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(30);
  expect(await refused.json()).toMatchObject({ error: { code: "RATE_LIMITED" } });
  expect((await fleet.run("agents")).code).toBe(0);
});
